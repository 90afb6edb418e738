import type { Socket } from 'node:net';
import { createFramer } from '../../protocols/wire/frame.ts';
import { listenForCalls } from '../callback.ts';
import { DIGITS, type Wire } from './wires.ts';

/** Answers every submit of a platform at once, with its report behind it, both copied and patched. */
export interface Sink {
  readonly port: number;
  stop(): void;
}

/** `onCount` is called with the number of submits, after each chunk that had some. */
export async function createSink(wire: Wire, onCount: (submits: number) => void): Promise<Sink> {
  const { server, port } = await listenForCalls(0);
  const { sequence, id } = wire;
  const login = wire.login().readUInt32BE(4);
  const submit = wire.submit.readUInt32BE(4);
  /** The octets of an id that count are its last four, or ten decimal digits. */
  const idOctets = Buffer.alloc(id.octets, id.decimal ? '0' : 0);
  const { submitResp, report, loginResp } = wire;
  let submits = 0;

  server.on('connection', (socket: Socket) => {
    let out = Buffer.allocUnsafe(64 << 10);
    let at = 0;
    let digits = 0;
    const flush = (): void => {
      if (at > 0) socket.write(out.subarray(0, at));
      out = Buffer.allocUnsafe(64 << 10);
      at = 0;
    };
    const answer = (frame: Buffer, b: Buffer, start: number): void => {
      frame.copy(out, at);
      b.copy(out, at + sequence.at, start + sequence.at, start + sequence.at + sequence.octets);
    };
    const onSubmit = (b: Buffer, start: number, end: number): void => {
      if (at + submitResp.length + report.length > out.length) flush();
      submits++;
      if (digits === 0) {
        const frame = b.subarray(start, end);
        // The number of the first message, and all have the same layout.
        digits = frame.indexOf('8613800') + 13 - DIGITS;
      }
      if (id.decimal) {
        for (let n = submits, d = id.octets - 1; n > 0; d--, n = Math.floor(n / 10)) idOctets[d] = 0x30 + (n % 10);
      } else idOctets.writeUInt32BE(submits, id.octets - 4);
      answer(submitResp, b, start);
      // SGIP: the sequence is the id.
      if (id.respAt === sequence.at) b.copy(idOctets, 0, start + id.respAt, start + id.respAt + id.octets);
      else idOctets.copy(out, at + id.respAt);
      at += submitResp.length;
      answer(report, b, start);
      for (const place of id.reportAt) idOctets.copy(out, at + place);
      for (const place of wire.reportDigits) b.copy(out, at + place, start + digits, start + digits + DIGITS);
      at += report.length;
    };
    const framer = createFramer(wire.rule, (b, start, end) => {
      const command = b.readUInt32BE(start + 4);
      if (command === submit) onSubmit(b, start, end);
      else if (command === login) {
        answer(loginResp, b, start);
        at += loginResp.length;
      }
      return true;
    });
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      const before = submits;
      framer.push(chunk);
      if (at > 0) flush();
      if (submits > before) onCount(submits);
    });
  });
  return { port, stop: () => void server.close() };
}
