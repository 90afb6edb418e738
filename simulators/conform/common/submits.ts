import { type Bench, fail, notApplicable } from '../check.ts';
import type { Frame } from '../frame.ts';
import type { Later, Message } from '../tongue.ts';

// Submits: accepted, refused, many at a time.

/** An accepted submit: its request and its answer. */
export async function accepted(bench: Bench, message: Message = {}): Promise<{ request: Frame; answer: Frame }> {
  const wire = await bench.login();
  const submit = bench.submit(message);
  wire.send(submit);
  const answer = await bench.answerTo(wire, submit);
  expectAccepted(bench, answer);
  const { header } = bench.tongue;
  const request: Frame = {
    octets: submit,
    command: bench.tongue.commands.submit,
    status: 0,
    sequence: submit.toString('hex', header.sequenceAt, header.sequenceAt + header.sequenceOctets),
    body: submit.subarray(header.octets),
  };
  return { request, answer };
}

/** The answer accepts, and has an id. */
export function expectAccepted(bench: Bench, answer: Frame): void {
  const code = bench.tongue.code(answer);
  if (code !== 0) fail(`refused with ${code}`);
  const fault = bench.tongue.idFault(answer);
  if (fault !== '') fail(fault);
}

export const submitAccepted =
  (message: Message) =>
  async (bench: Bench): Promise<void> => {
    await accepted(bench, message);
  };

/** A submit that must not be taken. `codes`: those of the protocol for it, or any but 0. */
export const submitRefused =
  (message: Message, codes?: readonly number[]) =>
  async (bench: Bench): Promise<void> => {
    const wire = await bench.login();
    const submit = bench.submit(message);
    wire.send(submit);
    await refused(bench, await bench.answerTo(wire, submit), codes);
  };

export function refused(bench: Bench, answer: Frame, codes?: readonly number[]): void {
  const code = bench.tongue.code(answer);
  if (code === 0) fail('it was accepted');
  if (codes !== undefined && !codes.includes(code ?? -1)) fail(`refused with ${code}, not ${codes.join(' or ')}`);
}

/** Octets of a submit changed by hand; it is refused with one of the codes or, where `orEnd`, the connection ends. */
export const spoiltSubmit =
  (
    message: Message,
    spoil: (submit: Buffer, bench: Bench) => void,
    codes: readonly number[] | undefined,
    orEnd = true,
  ) =>
  async (bench: Bench): Promise<void> => {
    const wire = await bench.login();
    const submit = bench.submit(message);
    spoil(submit, bench);
    wire.send(submit);
    const answer = orEnd ? await bench.answerOrEnd(wire, submit) : await bench.answerTo(wire, submit);
    if (answer !== undefined) return refused(bench, answer, codes);
    if (!wire.closed) fail('neither refused nor the connection ended');
  };

/** Ids of accepted submits are all different. */
export async function idsDiffer(bench: Bench): Promise<void> {
  const { tongue } = bench;
  const wire = await bench.login();
  const seen = new Set<string>();
  for (let n = 0; n < 20; n++) {
    const submit = bench.submit();
    wire.send(submit);
    const answer = await bench.answerTo(wire, submit);
    if (tongue.code(answer) !== 0) fail(`submit ${n + 1} was refused with ${tongue.code(answer)}`);
    seen.add(tongue.key({ ...answer, octets: submit, body: submit.subarray(tongue.header.octets) }, answer));
  }
  if (seen.size !== 20) fail(`20 submits got ${seen.size} ids`);
}

/** A sequence that comes again is answered again: real clients use one for all the parts of a long message. */
export async function sameSequenceTwice(bench: Bench): Promise<void> {
  const { tongue } = bench;
  const wire = await bench.login();
  const submit = bench.submit();
  wire.send(submit, submit);
  const { sequence } = await bench.answerTo(wire, submit);
  const answers = (): number => bench.seen((f) => (f.sequence === sequence ? f : undefined)).length;
  const twice = await bench.anywhere(() => (answers() >= 2 ? true : undefined), bench.within);
  if (twice === undefined && !wire.closed) fail(`two requests under one sequence got ${answers()} answer`);
  if (tongue.code(wire.came.find((f) => f.sequence === sequence)!) !== 0) fail('the first of them was refused');
}

/**
 * A hundred submits at once, more than the window of most: each one is answered, accepted or told to come later; none
 * is lost and the connection stays.
 */
export const floodAnswered =
  (later: Later) =>
  async (bench: Bench): Promise<void> => {
    const { tongue } = bench;
    const wire = await bench.login();
    const submits = Array.from({ length: 100 }, () => bench.submit());
    wire.send(...submits);
    for (const submit of submits) {
      const code = tongue.code(await bench.answerTo(wire, submit));
      if (code !== 0 && !later.has(code ?? -1)) fail(`refused with ${code}, which does not tell to come later`);
    }
    const answers = wire.came.filter((f) => f.command >= 0x80000000).length;
    if (answers > 101) fail(`${answers - 1} answers to 100 submits`);
  };

/** Parts of a long message, all accepted. `header`: the user data header of part k of n. */
export const longMessage =
  (header: (k: number, n: number) => Buffer, coding: number, message: Message = {}) =>
  async (bench: Bench): Promise<void> => {
    const { tongue } = bench;
    const wire = await bench.login();
    const parts = [1, 2, 3].map((k) =>
      bench.submit({ ...message, udhi: true, coding, octets: Buffer.concat([header(k, 3), Buffer.alloc(120, 0x41)]) }),
    );
    wire.send(...parts);
    for (const part of parts) {
      const code = tongue.code(await bench.answerTo(wire, part));
      if (code !== 0) fail(`a part was refused with ${code}`);
    }
  };

/** `05 00 03 ref total number` and its wide form (3GPP 23.040: 9.2.3.24). */
export const narrowHeader = (k: number, n: number): Buffer => Buffer.of(5, 0, 3, 0x5a, n, k);
export const wideHeader = (k: number, n: number): Buffer => Buffer.of(6, 8, 4, 0x12, 0x5b, n, k);

/** A header that says more octets than there are: refused, or taken as plain text; an answer in any case. */
export async function brokenHeader(bench: Bench): Promise<void> {
  const wire = await bench.login();
  const submit = bench.submit({ udhi: true, octets: Buffer.from('ff0003010101414243', 'hex') });
  wire.send(submit);
  const answer = await bench.answerOrEnd(wire, submit);
  if (answer === undefined) fail('no answer');
  if (bench.tongue.code(answer) === 0) notApplicable('the target takes a header that does not parse for plain text');
}

/** A content of this many octets is taken or refused with the protocol's code; never lost. */
export const lengthLimit =
  (octets: number, codes: readonly number[]) =>
  async (bench: Bench): Promise<void> => {
    const wire = await bench.login();
    const submit = bench.submit({ octets: Buffer.alloc(octets, 0x41), coding: 4 });
    wire.send(submit);
    refused(bench, await bench.answerTo(wire, submit), codes);
  };
