import { type Bench, fail, notApplicable } from '../check.ts';
import type { Wire } from '../wire.ts';
import { COMMAND, cstringAt } from './tongue.ts';

// The three binds, what each of them may do, and what the versions promise.

const SC_INTERFACE_VERSION = 0x0210;

/** A connection bound by this command. */
export async function boundBy(bench: Bench, command: number, version = bench.tongue.version): Promise<Wire> {
  const wire = await bench.open();
  const bind = bench.request(command, bench.tongue.loginBody(bench.account, { version }));
  wire.send(bind);
  const { status } = await bench.answerTo(wire, bind);
  if (status !== 0) fail(`refused with status ${status}`);
  return wire;
}

/** bind_transmitter is answered, and submits are taken. */
export async function transmitter(bench: Bench): Promise<void> {
  const wire = await boundBy(bench, COMMAND.transmitter);
  const submit = bench.submit();
  wire.send(submit);
  const { status } = await bench.answerTo(wire, submit);
  if (status !== 0) fail(`its submit_sm was refused with ${status}`);
}

/** bind_receiver is answered, and submits are refused: it may only receive. */
export async function receiver(bench: Bench): Promise<void> {
  const wire = await boundBy(bench, COMMAND.receiver);
  const submit = bench.submit();
  wire.send(submit);
  const { status } = await bench.answerTo(wire, submit);
  if (status !== 4) fail(`its submit_sm was answered with ${status}, not 4 (ESME_RINVBNDSTS)`);
}

/** The receipt of what a transmitter sent comes on the receiver, and not on the transmitter. */
export async function receiptOnReceiver(bench: Bench): Promise<void> {
  const { tongue } = bench;
  const ear = await boundBy(bench, COMMAND.receiver);
  const mouth = await boundBy(bench, COMMAND.transmitter);
  const submit = bench.submit({ report: true });
  mouth.send(submit);
  const answer = await bench.answerTo(mouth, submit);
  if (answer.status !== 0) fail(`the submit was refused with ${answer.status}`);
  const key = cstringAt(answer.body);
  const where = await bench.anywhere(
    (frame, wire) => (tongue.report(frame)?.key === key ? wire : undefined),
    bench.reportWithin,
  );
  if (where === undefined) fail(`no receipt on ${key} within ${bench.reportWithin} ms`);
  if (where === mouth) fail('the receipt came on the transmitter');
  if (where !== ear) fail('the receipt came on another connection');
}

/** Parameters of a bind's answer. */
function versionParameter(body: Buffer): number | undefined {
  let at = cstringAt(body).length + 1;
  while (at + 4 <= body.length) {
    const length = body.readUInt16BE(at + 2);
    if (body.readUInt16BE(at) === SC_INTERFACE_VERSION && length >= 1) return body[at + 4];
    at += 4 + length;
  }
  return undefined;
}

async function bindAnswer(bench: Bench, version: number): Promise<Buffer | undefined> {
  const wire = await bench.open();
  const bind = bench.request(COMMAND.transceiver, bench.tongue.loginBody(bench.account, { version }));
  wire.send(bind);
  const { status, body } = await bench.answerTo(wire, bind);
  return status === 0 ? body : undefined;
}

/** The answer to a 3.4 bind names the version spoken. */
export async function tellsVersion(bench: Bench): Promise<void> {
  const body = await bindAnswer(bench, 0x34);
  if (body === undefined) notApplicable('the target does not speak 3.4');
  const version = versionParameter(body);
  if (version === undefined) notApplicable('the answer has no sc_interface_version; 3.4 must be taken');
  if (version !== 0x34 && version !== 0x50) fail(`sc_interface_version 0x${version.toString(16)}`);
}

/** A 3.3 peer is sent no optional parameters. */
export async function oldVersion(bench: Bench): Promise<void> {
  const body = await bindAnswer(bench, 0x33);
  if (body === undefined) notApplicable('the target does not speak 3.3');
  const rest = body.length - cstringAt(body).length - 1;
  if (rest > 0) fail(`${rest} octets of optional parameters in the answer to a bind of 3.3`);
}

/** A bind of 5.0 is answered with the version that will be spoken, or refused. */
export async function newVersion(bench: Bench): Promise<void> {
  const body = await bindAnswer(bench, 0x50);
  if (body === undefined) notApplicable('the target refuses 5.0');
  const version = versionParameter(body);
  if (version === undefined) notApplicable('the answer has no sc_interface_version; 3.4 must be taken');
  if (version > 0x50) fail(`sc_interface_version 0x${version.toString(16)} is higher than was asked for`);
}

/** Odd versions of real clients: taken, or refused; the target lives on. */
export async function oddVersions(bench: Bench): Promise<void> {
  for (const version of [0x00, 0x30, 0x40, 0x7b]) {
    const wire = await bench.open();
    const bind = bench.request(COMMAND.transceiver, bench.tongue.loginBody(bench.account, { version }));
    wire.send(bind);
    await bench.answerTo(wire, bind);
    wire.end();
  }
}

/** A refused bind is answered by its own response. */
export async function refusedByItsResponse(bench: Bench): Promise<void> {
  for (const command of [COMMAND.receiver, COMMAND.transmitter, COMMAND.transceiver]) {
    const wire = await bench.open();
    const bind = bench.request(command, bench.tongue.loginBody(bench.account, { secret: 'wrong' }));
    wire.send(bind);
    const { status } = await bench.answerTo(wire, bind);
    if (status === 0) fail('a wrong password was accepted');
    wire.end();
  }
}
