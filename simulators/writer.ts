import type { Fields, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import type { Peer } from './peer.ts';

/** How a Chinese protocol frames its PDUs; `S`: a number, or SGIP's twelve octets. */
export interface Framing<S> {
  readonly HEADER: number;
  frameSize<F extends Fields>(plan: Plan<F>, value: Readonly<Values<F>>): number;
  encodeFrame<F extends Fields>(plan: Plan<F>, value: Readonly<Values<F>>, sequence: S, out: Buffer, o: number): number;
  writeHeader(out: Buffer, o: number, length: number, command: number, sequence: S): number;
}

export interface Writer<S> {
  write<F extends Fields>(plan: Plan<F>, value: Values<F>, sequence: S): void;
  /** A PDU without a body. */
  writeHeaderOnly(command: number, sequence: S): void;
}

/** Writes PDUs into a peer's outbox. */
export function writerTo<S>(peer: Peer, { HEADER, frameSize, encodeFrame, writeHeader }: Framing<S>): Writer<S> {
  return {
    write(plan, value, sequence) {
      peer.room(frameSize(plan, value));
      peer.at = encodeFrame(plan, value, sequence, peer.out, peer.at);
    },
    writeHeaderOnly(command, sequence) {
      peer.room(HEADER);
      peer.at = writeHeader(peer.out, peer.at, HEADER, command, sequence);
    },
  };
}
