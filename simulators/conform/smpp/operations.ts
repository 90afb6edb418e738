import { smppCodec } from '../../../protocols/smpp/tables.ts';
import { uintTlv } from '../../../protocols/wire/tlv.ts';
import { bodyOf } from '../body.ts';
import { type Bench, fail, notApplicable } from '../check.ts';
import { answerTo, type Frame } from '../frame.ts';
import { parameter } from '../parameter.ts';
import type { Wire } from '../wire.ts';
import { COMMAND, cstringAt } from './tongue.ts';

// Operations that a centre may leave out: what it has must work, what it has not must be told as unknown.

const INVALID_COMMAND = 3;
const MESSAGE_PAYLOAD = 0x0424;
const codec = smppCodec(0x34);
const ton = { sourceAddrTon: 1, sourceAddrNpi: 1 } as const;
const dest = { destAddrTon: 1, destAddrNpi: 1 } as const;

/** The answer to an operation; not applicable where the target says that it has none. */
async function asked(bench: Bench, wire: Wire, request: Buffer): Promise<Frame> {
  const sequence = request.toString('hex', 12, 16);
  const command = request.readUInt32BE(4);
  wire.send(request);
  const answer = await bench.expect(
    wire,
    `${bench.tongue.name(answerTo(command))} or generic_nack with sequence ${sequence}`,
    (f) => f.sequence === sequence && (f.command === answerTo(command) || f.command === COMMAND.nack),
  );
  if (answer.status === INVALID_COMMAND) notApplicable('the target has no such operation (ESME_RINVCMDID)');
  if (answer.command === COMMAND.nack) fail(`generic_nack with status ${answer.status}`);
  return answer;
}

async function submittedId(bench: Bench, wire: Wire): Promise<string> {
  const submit = bench.submit({ report: true });
  wire.send(submit);
  const answer = await bench.answerTo(wire, submit);
  if (answer.status !== 0) fail(`submit_sm was refused with ${answer.status}`);
  return cstringAt(answer.body);
}

function multiBody(bench: Bench, numbers: readonly string[]): Buffer {
  return bodyOf(
    codec.submitMulti,
    codec.submitMulti.fill({
      ...ton,
      sourceAddr: bench.from,
      destAddress: numbers.map((destinationAddr) => ({ destFlag: 1, ...dest, destinationAddr })),
      shortMessage: Buffer.from('to several'),
    }),
  );
}

/** submit_multi to three numbers: one id, and the list of those that failed. */
export async function submitMulti(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const numbers = [0, 1, 2].map((k) => bench.to.slice(0, -1) + k);
  const answer = await asked(bench, wire, bench.request(COMMAND.multi, multiBody(bench, numbers)));
  if (answer.status !== 0) fail(`refused with ${answer.status}`);
  const id = cstringAt(answer.body);
  if (id === '') fail('no message_id');
  if (answer.body.length < id.length + 2) fail('the answer has no no_unsuccess');
}

/** submit_multi to nobody. */
export async function submitMultiToNobody(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const answer = await asked(bench, wire, bench.request(COMMAND.multi, multiBody(bench, [])));
  if (answer.status === 0) fail('it was accepted');
}

/** data_sm with its text in message_payload. */
export async function dataSm(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const value = codec.dataSm.fill({
    ...ton,
    sourceAddr: bench.from,
    ...dest,
    destinationAddr: bench.to,
    tlvs: [{ tag: MESSAGE_PAYLOAD, value: Buffer.from('in the payload') }],
  });
  const answer = await asked(bench, wire, bench.request(COMMAND.data, bodyOf(codec.dataSm, value)));
  if (answer.status !== 0) fail(`refused with ${answer.status}`);
  if (cstringAt(answer.body) === '') fail('no message_id');
}

/** query_sm of a message just accepted: its id and a state. */
export async function querySm(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const messageId = await submittedId(bench, wire);
  const value = codec.querySm.fill({ messageId, ...ton, sourceAddr: bench.from });
  const answer = await asked(bench, wire, bench.request(COMMAND.query, bodyOf(codec.querySm, value)));
  // Its report may have been answered before: a centre may have forgotten it.
  if (answer.status === 0x67 || answer.status === 0x0c) return;
  if (answer.status !== 0) fail(`refused with ${answer.status}, not 0x67 (ESME_RQUERYFAIL)`);
  const state = answer.body[answer.body.length - 2];
  if (cstringAt(answer.body) !== messageId) fail('the answer names another message');
  if (state === undefined || state > 9) fail(`message_state ${state}`);
}

/** What names an unknown message is refused, each with its code or that of a wrong id. */
export function ofUnknownMessage(operation: 'query' | 'cancel' | 'replace') {
  return async (bench: Bench): Promise<void> => {
    const wire = await bench.login();
    const { body, codes } = unknownMessage(operation, bench);
    const answer = await asked(bench, wire, bench.request(COMMAND[operation], body));
    if (answer.status === 0) fail('it was accepted');
    if (!codes.includes(answer.status)) fail(`refused with ${answer.status}, not ${codes.join(' or ')}`);
  };
}

function unknownMessage(operation: 'query' | 'cancel' | 'replace', bench: Bench): { body: Buffer; codes: number[] } {
  const messageId = '7ffffff1';
  const sourceAddr = bench.from;
  switch (operation) {
    case 'query':
      return {
        body: bodyOf(codec.querySm, codec.querySm.fill({ messageId, ...ton, sourceAddr })),
        codes: [0x67, 0x0c],
      };
    case 'cancel': {
      const value = codec.cancelSm.fill({ messageId, ...ton, sourceAddr, ...dest, destinationAddr: bench.to });
      return { body: bodyOf(codec.cancelSm, value), codes: [0x11, 0x0c] };
    }
    case 'replace': {
      const value = codec.replaceSm.fill({ messageId, ...ton, sourceAddr, shortMessage: Buffer.from('new') });
      return { body: bodyOf(codec.replaceSm, value), codes: [0x13, 0x0c] };
    }
  }
}

/** cancel_sm of a message just accepted: done, or told that it is too late. */
export async function cancelSm(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const messageId = await submittedId(bench, wire);
  const value = codec.cancelSm.fill({ messageId, ...ton, sourceAddr: bench.from, ...dest, destinationAddr: bench.to });
  const answer = await asked(bench, wire, bench.request(COMMAND.cancel, bodyOf(codec.cancelSm, value)));
  if (![0, 0x11, 0x0c].includes(answer.status)) fail(`refused with ${answer.status}, not 0x11 (ESME_RCANCELFAIL)`);
}

/** Commands of a centre are none of a client's. */
export async function serverCommand(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const deliver = codec.deliverSm.fill({
    sourceAddr: bench.from,
    destinationAddr: bench.to,
    shortMessage: Buffer.from('x'),
  });
  const request = bench.request(COMMAND.deliver, bodyOf(codec.deliverSm, deliver));
  const sequence = request.toString('hex', 12, 16);
  wire.send(request);
  const answer = await bench.expect(
    wire,
    'refusal of deliver_sm',
    (f) => f.sequence === sequence && f.command >= 0x80000000,
  );
  if (answer.status === 0) fail('a deliver_sm of a client was accepted');
}

/** An unknown command gets generic_nack with ESME_RINVCMDID under its sequence, and the session stays. */
export async function unknownNacked(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const request = bench.request(0x7777, Buffer.alloc(8));
  const sequence = request.toString('hex', 12, 16);
  wire.send(request);
  const answer = await bench.expect(wire, 'generic_nack', (f) => f.command === COMMAND.nack);
  if (answer.status !== INVALID_COMMAND) fail(`status ${answer.status}, not 3 (ESME_RINVCMDID)`);
  if (answer.sequence !== sequence) fail(`sequence ${answer.sequence}, not ${sequence}`);
  const probe = bench.request(COMMAND.enquire);
  wire.send(probe);
  await bench.answerTo(wire, probe);
}

/** A command_length that no PDU has gets generic_nack with ESME_RINVCMDLEN, then the end. */
export async function badLengthNacked(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const request = bench.request(COMMAND.enquire);
  request.writeUInt32BE(15, 0);
  wire.send(request);
  const answer = await bench.expect(wire, 'generic_nack', (f) => f.command === COMMAND.nack);
  if (answer.status !== 2) fail(`status ${answer.status}, not 2 (ESME_RINVCMDLEN)`);
  if (!(await bench.ends(wire))) fail('the connection goes on, though the border of its frames is lost');
}

/** A generic_nack of ours is the answer to nothing, and is not answered. */
export async function nackIgnored(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const nack = bench.request(COMMAND.nack);
  nack.writeUInt32BE(INVALID_COMMAND, 8);
  const probe = bench.request(COMMAND.enquire);
  wire.send(nack, probe);
  await bench.answerTo(wire, probe);
  const sequence = nack.toString('hex', 12, 16);
  if (wire.came.some((f) => f.sequence === sequence)) fail('the nack was answered');
}

/** The sar_* parameters of a part. */
export function sarOf(k: number, n: number): Buffer {
  return Buffer.concat(
    [uintTlv(0x020c, 2, 77), uintTlv(0x020e, 1, n), uintTlv(0x020f, 1, k)].map((t) =>
      parameter(t.tag, Buffer.from(t.value)),
    ),
  );
}

/** A long message by sar_* parameters. */
export async function sarParts(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const parts = [1, 2].map((k) => bench.submit({ octets: Buffer.alloc(100, 0x41), tail: sarOf(k, 2) }));
  wire.send(...parts);
  for (const part of parts) {
    const { status } = await bench.answerTo(wire, part);
    if (status !== 0) fail(`a part was refused with ${status}`);
  }
}
