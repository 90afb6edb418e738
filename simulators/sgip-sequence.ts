import { SEQUENCE_AT } from '../protocols/sgip/header.ts';
import { sequenceOf, stampOf } from '../protocols/sgip/sequence.ts';
import { beijingTime } from '../protocols/wire/beijing.ts';
import { latin1, putUint32 } from '../protocols/wire/octets.ts';

/** Counters of one connection: no two connections of a node may number alike, since a report comes on any of them. */
export const COUNTERS = 0x01000000;

/** Makes the sequence numbers of one connection, `index` among those of its node, and takes the answers' apart. */
export interface SgipSequences {
  /** `skew`: how many ms the clock in it is wrong. */
  of(counter: number, skew?: number): string;
  /** Writes the same into the header of the frame at `start`. */
  put(out: Buffer, start: number, counter: number): void;
  /** The counter in the header of an answer. */
  counterAt(b: Buffer, start: number): number;
}

/** `clock`: in ms since 1970. */
export function createSgipSequences(nodeId: number, index: number, clock: () => number = Date.now): SgipSequences {
  const base = (index & 0xff) * COUNTERS;
  let second = 0;
  let timestamp = 0;
  const stamp = (skew: number): number => {
    const now = Math.floor((clock() + skew) / 1000);
    if (now !== second) {
      second = now;
      timestamp = stampOf(beijingTime(now * 1000));
    }
    return timestamp;
  };
  return {
    of: (counter, skew = 0) => sequenceOf({ nodeId, timestamp: stamp(skew), counter: base + counter }),
    put(out, start, counter) {
      putUint32(out, start + SEQUENCE_AT, nodeId);
      putUint32(out, start + SEQUENCE_AT + 4, stamp(0));
      putUint32(out, start + SEQUENCE_AT + 8, base + counter);
    },
    counterAt: (b, start) => b.readUInt32BE(start + SEQUENCE_AT + 8) - base,
  };
}

/** The 12 octets in the header of the frame at `start`. */
export const sequenceAt = (b: Buffer, start: number): string =>
  latin1(b, start + SEQUENCE_AT, start + SEQUENCE_AT + 12);
