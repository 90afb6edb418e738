import { SEQUENCE_AT } from '../protocols/sgip/header.ts';
import { sequenceOf, stampOf } from '../protocols/sgip/sequence.ts';
import { beijingTime } from '../protocols/wire/beijing.ts';
import { latin1 } from '../protocols/wire/octets.ts';

/** Counters of one connection: no two connections of a node may number alike, since a report comes on any of them. */
export const COUNTERS = 0x01000000;

/** Makes the sequence numbers of one connection, `index` among those of its node, and takes the answers' apart. */
export interface SgipSequences {
  /** `skew`: how many ms the clock in it is wrong. */
  of(counter: number, skew?: number): string;
  /** The counter in the header of an answer. */
  counterAt(b: Buffer, start: number): number;
}

export function createSgipSequences(nodeId: number, index: number, clock: () => number = Date.now): SgipSequences {
  const base = (index & 0xff) * COUNTERS;
  let second = 0;
  let timestamp = 0;
  return {
    of(counter, skew = 0) {
      const now = Math.floor((clock() + skew) / 1000);
      if (now !== second) {
        second = now;
        timestamp = stampOf(beijingTime(now * 1000));
      }
      return sequenceOf({ nodeId, timestamp, counter: base + counter });
    },
    counterAt: (b, start) => b.readUInt32BE(start + SEQUENCE_AT + 8) - base,
  };
}

/** The 12 octets in the header of the frame at `start`. */
export const sequenceAt = (b: Buffer, start: number): string =>
  latin1(b, start + SEQUENCE_AT, start + SEQUENCE_AT + 12);
