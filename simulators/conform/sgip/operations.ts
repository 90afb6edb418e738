import { sgipCodec } from '../../../protocols/sgip/tables.ts';
import { bodyOf } from '../body.ts';
import { type Bench, fail, notApplicable } from '../check.ts';
import { works } from '../common/liveness.ts';
import { COMMAND, HEADER } from './tongue.ts';

// What is SGIP's own: answers of one form, roles, Trace, and the connection that the gateway makes.

const codec = sgipCodec();

/** Bind_Resp and Submit_Resp have 29 octets. */
export async function answersOfOneForm(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const submit = bench.submit();
  wire.send(submit);
  await bench.answerTo(wire, submit);
  for (const { octets, command } of wire.came) {
    if (octets.length !== 29) fail(`a ${bench.tongue.name(command)} of ${octets.length} octets, not 29`);
  }
}

/** A well-formed command that a gateway does not serve is answered with an error. */
export async function foreignRole(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const deliver = codec.deliver.fill({
    userNumber: bench.to,
    spNumber: bench.from,
    messageContent: Buffer.from('not for you'),
  });
  const request = bench.request(COMMAND.deliver, bodyOf(codec.deliver, deliver));
  wire.send(request);
  const answer = await bench.answerTo(wire, request);
  if (answer.body[0] === 0) fail('a Deliver of an SP was accepted');
  await works(bench, wire);
}

/** Trace of a message just sent: nodes, or an error. */
export async function trace(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const submit = bench.submit();
  wire.send(submit);
  await bench.answerTo(wire, submit);
  const value = {
    submitSequenceNumber: submit.toString('latin1', HEADER.sequenceAt, HEADER.sequenceAt + 12),
    userNumber: bench.to,
    reserve: '',
  };
  const request = bench.request(COMMAND.trace, bodyOf(codec.trace, value));
  wire.send(request);
  const answer = await bench.answerOrEnd(wire, request);
  if (answer === undefined && wire.closed) notApplicable('the target ends the connection: it has no Trace');
  if (answer === undefined) fail('no answer');
  const { body, octets } = answer;
  if (octets.length === 29 && body[0] !== 0 && body[0] !== 1)
    notApplicable(`the target has no Trace: result ${body[0]}`);
  if (octets.length !== 21 + 47 * body[0]!) fail(`a Trace_Resp of ${octets.length} octets with ${body[0]} nodes of 47`);
}

/** The gateway dials with Login Type 2, and sends nothing before it is let in. */
export async function dialBack(bench: Bench): Promise<void> {
  if (!bench.listens) notApplicable('give --listen: where the target dials');
  const wire = await bench.login();
  const submit = bench.submit({ report: true });
  wire.send(submit);
  if (bench.tongue.code(await bench.answerTo(wire, submit)) !== 0) fail('the submit was refused');
  const key = submit.toString('hex', HEADER.sequenceAt, HEADER.sequenceAt + 12);
  const came = await bench.anywhere(
    (frame, ear) => (bench.tongue.report(frame)?.key === key ? ear : undefined),
    bench.reportWithin,
  );
  if (came === undefined) fail(`no Report on ${key} within ${bench.reportWithin} ms`);
  if (came === wire) notApplicable('the Report came down the connection of the submit');
  const [first] = came.came;
  if (first?.command !== COMMAND.bind) fail(`its first frame is ${bench.tongue.name(first?.command ?? 0)}, not Bind`);
  if (first.body[0] !== 2) fail(`Login Type ${first.body[0]}, not 2`);
}
