import { parseUdh } from '../../protocols/text/udh.ts';
import { createFingerprints, type Fingerprints } from '../fingerprints.ts';

/**
 * 53 bits that stand for a message: its destinations and the octets of the part. The reference in a header is left out:
 * a gateway numbers the parts of long messages in the order in which they leave it.
 */
export function messageKey(destinations: readonly string[], octets: Uint8Array, udhi: boolean): number {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (const destination of destinations) {
    for (let k = 0; k < destination.length; k++) {
      const c = destination.charCodeAt(k);
      a = Math.imul(a ^ c, 0x01000193);
      b = Math.imul(b ^ c, 0x85ebca6b);
      b ^= b >>> 13;
    }
    a = Math.imul(a ^ 0x100, 0x01000193);
  }
  let from = 0;
  if (udhi) {
    const { fault, concat, length } = parseUdh(octets);
    if (fault === undefined) {
      from = length;
      if (concat !== undefined) a = Math.imul(a ^ (concat.total * 256 + concat.seq), 0x01000193);
    }
  }
  for (let k = from; k < octets.length; k++) {
    const c = octets[k]!;
    a = Math.imul(a ^ c, 0x01000193);
    b = Math.imul(b ^ c, 0x85ebca6b);
    b ^= b >>> 13;
  }
  a ^= a >>> 15;
  return (a >>> 0) * 0x200000 + (b & 0x1fffff) || 1;
}

/** How often each key was met before. */
export interface Occurrences {
  /** 0 for the first time. */
  next(key: number): number;
}

/**
 * Holds the last `memory` keys at least, and twice as many at most: what did not come again among so many others counts
 * as new.
 */
export function createOccurrences(memory = 1 << 18): Occurrences {
  let young: Fingerprints = createFingerprints();
  let old: Fingerprints | undefined;
  return {
    next(key) {
      let before = young.get(key);
      if (before < 0) {
        if (young.size >= memory) {
          old = young;
          young = createFingerprints();
        }
        before = Math.max(0, old?.get(key) ?? 0);
      }
      young.set(key, before + 1);
      return before;
    },
  };
}
