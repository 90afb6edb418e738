import { type Bench, fail, notApplicable } from '../check.ts';
import type { Wire } from '../wire.ts';
import { light, works, worksAnew } from './liveness.ts';

// What a stream of octets may do to a server: it must lose at most that connection.

/** A submit octet by octet. */
export async function splitSubmit(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const submit = bench.submit();
  await wire.dribble(submit);
  await bench.answerTo(wire, submit);
}

/** Twenty submits and probes in one packet, and the last one cut at an odd place. */
export async function gluedSubmits(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const requests = Array.from({ length: 10 }, () => [bench.submit(), light(bench)]).flat();
  const last = bench.submit();
  wire.send(...requests, last.subarray(0, 17));
  await bench.pause(20);
  wire.socket.write(last.subarray(17));
  for (const request of [...requests, last]) await bench.answerTo(wire, request);
}

/** The length of a frame says what no frame is. */
export function badLength(length: number, loggedIn = true) {
  return async (bench: Bench): Promise<void> => {
    const wire = loggedIn ? await bench.login() : await bench.open();
    const frame = light(bench);
    frame.writeUInt32BE(length >>> 0, 0);
    wire.send(frame);
    await answeredOrOver(bench, wire);
    await worksAnew(bench);
  };
}

/** After a lost border nothing that follows may be taken for a frame. */
async function answeredOrOver(bench: Bench, wire: Wire): Promise<void> {
  if (await bench.ends(wire)) return;
  const submit = bench.submit();
  wire.send(submit);
  if ((await bench.answerOrEnd(wire, submit)) !== undefined) fail('what followed was taken for a frame');
  if (!wire.closed) notApplicable('the target still waits for the rest of that frame');
}

/** A submit that is cut short, its length right: fields are missing. `codes`: how it is refused where it is answered. */
export async function missingFields(bench: Bench): Promise<void> {
  const { tongue } = bench;
  const whole = bench.submit();
  const half = tongue.header.octets + Math.floor((whole.length - tongue.header.octets) / 2);
  for (const octets of [tongue.header.octets, tongue.header.octets + 1, half]) {
    const wire = await bench.login();
    const cut = bench.submit().subarray(0, octets);
    cut.writeUInt32BE(octets, 0);
    wire.send(cut);
    const answer = await bench.answerOrEnd(wire, cut);
    if (answer !== undefined && tongue.code(answer) === 0) fail(`a submit of ${octets} octets was accepted`);
    if (answer !== undefined && !wire.closed) await works(bench, wire);
    if (answer === undefined && !wire.closed) {
      // SMPP may nack it under its sequence, which is no submit_sm_resp.
      const sequence = cut.toString(
        'hex',
        tongue.header.sequenceAt,
        tongue.header.sequenceAt + tongue.header.sequenceOctets,
      );
      if (!wire.came.some((f) => f.sequence === sequence))
        fail(`a submit of ${octets} octets was neither refused nor the connection ended`);
    }
    wire.end();
  }
  await worksAnew(bench);
}

/** A command of no table. */
export const UNKNOWN_COMMAND = 0x00007777;

/** An unknown command: an answer of the protocol's, or the end; and no crash. */
export async function unknownCommand(bench: Bench): Promise<void> {
  const wire = await bench.login();
  wire.send(bench.request(UNKNOWN_COMMAND, Buffer.alloc(8)));
  const after = light(bench);
  wire.send(after);
  await bench.answerOrEnd(wire, after);
  await worksAnew(bench);
}

/** An answer of no table is no reason for anything. */
export async function unknownAnswer(bench: Bench): Promise<void> {
  const wire = await bench.login();
  wire.send(bench.request(0x80007777, Buffer.alloc(8)));
  const after = light(bench);
  wire.send(after);
  const answer = await bench.answerOrEnd(wire, after);
  if (answer === undefined && !wire.closed) fail('the session works no more, and has not ended');
  await worksAnew(bench);
}

/** What comes to every open port: HTTP, TLS, nothing at all. */
export async function foreignProtocols(bench: Bench): Promise<void> {
  const strangers = [
    Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    Buffer.from('16030100a5010000a10303', 'hex'),
    Buffer.from('SSH-2.0-OpenSSH_9.0\r\n'),
    Buffer.alloc(64),
    Buffer.alloc(64, 0xff),
  ];
  for (const octets of strangers) {
    const wire = await bench.open();
    wire.send(octets);
    await bench.ends(wire, 200);
    wire.end();
  }
  const silent = await bench.open();
  silent.end();
  await worksAnew(bench);
}

/** Half a frame, then the end or a reset: others do not notice. */
export async function cutMidFrame(bench: Bench): Promise<void> {
  const bystander = await bench.login();
  for (const abrupt of [false, true]) {
    const wire = await bench.login();
    wire.send(bench.submit().subarray(0, 25));
    await bench.pause(20);
    if (abrupt) wire.socket.resetAndDestroy();
    else wire.end();
  }
  await works(bench, bystander);
  await worksAnew(bench);
}

/** A frame that is slow to come holds up nobody else. */
export async function slowStranger(bench: Bench): Promise<void> {
  const slow = await bench.open();
  const { tongue } = bench;
  slow.send(bench.request(tongue.commands.login, tongue.loginBody(bench.account, {})).subarray(0, 10));
  await worksAnew(bench);
}

/** Octets behind the last field that the protocol has not: the frame's border holds. */
export async function trailingOctets(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const request = light(bench);
  const longer = Buffer.concat([request, Buffer.from('0000', 'hex')]);
  longer.writeUInt32BE(longer.length, 0);
  wire.send(longer);
  const first = await bench.answerOrEnd(wire, longer);
  if (first === undefined) {
    if (wire.closed) return worksAnew(bench);
    const sequence = longer.toString(
      'hex',
      tongue(bench).sequenceAt,
      tongue(bench).sequenceAt + tongue(bench).sequenceOctets,
    );
    if (!wire.came.some((f) => f.sequence === sequence)) fail('neither answered nor the connection ended');
  }
  await works(bench, wire);
}
const tongue = (bench: Bench) => bench.tongue.header;
