import { type Bench, fail, notApplicable } from '../check.ts';
import { answerTo } from '../frame.ts';
import type { Wire } from '../wire.ts';

// Signs of life, the end of a session, and answers that nobody asked for.

/** The request that costs nothing: a probe, or a submit where the protocol has no probe (SGIP). */
export const light = (bench: Bench): Buffer =>
  bench.tongue.commands.probe === undefined ? bench.submit() : bench.request(bench.tongue.commands.probe);

/** The session still works. */
export async function works(bench: Bench, wire: Wire): Promise<void> {
  const request = light(bench);
  wire.send(request);
  await bench.answerTo(wire, request);
}

/** Whatever was done to one connection, the target takes a new one. */
export async function worksAnew(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const submit = bench.submit();
  wire.send(submit);
  await bench.answerTo(wire, submit);
}

/** `octets`: lengths that the answer may have. */
export function probeAnswered(octets: readonly number[]) {
  return async (bench: Bench): Promise<void> => {
    const wire = await bench.login();
    const probe = bench.request(bench.tongue.commands.probe ?? notApplicable('the protocol has no probe'));
    wire.send(probe);
    const answer = await bench.answerTo(wire, probe);
    if (!octets.includes(answer.octets.length))
      fail(`an answer of ${answer.octets.length} octets, not ${octets.join(' or ')}`);
    if (answer.status !== 0) fail(`status ${answer.status}`);
  };
}

export async function probeBeforeLogin(bench: Bench): Promise<void> {
  const wire = await bench.open();
  const probe = bench.request(bench.tongue.commands.probe ?? notApplicable('the protocol has no probe'));
  wire.send(probe);
  const answer = await bench.answerOrEnd(wire, probe);
  if (answer === undefined && !wire.closed) fail('neither answered nor the connection ended');
  await worksAnew(bench);
}

/** A hundred probes in one packet: a hundred answers, each to its own. */
export async function probesInARow(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const probes = Array.from({ length: 100 }, () => light(bench));
  wire.send(...probes);
  for (const probe of probes) await bench.answerTo(wire, probe);
}

export async function leaveAnswered(bench: Bench): Promise<void> {
  const { commands } = bench.tongue;
  const wire = await bench.login();
  const leave = bench.request(commands.leave);
  wire.send(leave);
  const answer = await bench.answerTo(wire, leave);
  if (answer.octets.length !== bench.tongue.header.octets)
    fail(`an answer of ${answer.octets.length} octets; it has no body`);
  if (!(await bench.ends(wire))) {
    // Who asked may close first.
    wire.end();
  }
  await worksAnew(bench);
}

/** Submits that are out when the connection is left are answered first, or the end comes; the answer to it comes last. */
export async function leaveWithOpenSubmits(bench: Bench): Promise<void> {
  const { commands } = bench.tongue;
  const wire = await bench.login();
  const submits = Array.from({ length: 5 }, () => bench.submit());
  const leave = bench.request(commands.leave);
  wire.send(...submits, leave);
  await bench.answerTo(wire, leave);
  const last = wire.came.findLastIndex((f) => f.command === answerTo(commands.submit));
  const left = wire.came.findIndex((f) => f.command === answerTo(commands.leave));
  if (last > left) fail('a submit was answered behind the answer to the farewell');
}

/** Answers under sequences that the target never sent: dropped, and never answered. */
export async function strayAnswers(bench: Bench): Promise<void> {
  const { commands, header } = bench.tongue;
  const wire = await bench.login();
  const strays = [commands.submit, commands.report, ...(commands.probe === undefined ? [] : [commands.probe])].map(
    (c) => bench.request(answerTo(c), Buffer.alloc(c === commands.probe ? 0 : 13)),
  );
  wire.send(...strays);
  await works(bench, wire);
  for (const stray of strays) {
    const sequence = stray.toString('hex', header.sequenceAt, header.sequenceAt + header.sequenceOctets);
    const reply = wire.came.find((f) => f.sequence === sequence);
    if (reply !== undefined) fail(`an answer was answered with ${bench.tongue.name(reply.command)}`);
  }
}

/** Unusual sequences come back as they are. */
export async function sequenceExtremes(bench: Bench): Promise<void> {
  const { tongue } = bench;
  const wire = await bench.login();
  for (const sequence of tongue.extremes) {
    const request = light(bench);
    request.write(sequence, tongue.header.sequenceAt, 'hex');
    wire.send(request);
    await bench.answerTo(wire, request);
  }
}
