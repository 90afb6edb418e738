import { createFingerprints } from '../fingerprints.ts';
import type { CarrierSide } from './carrier-side.ts';
import type { createColumn } from './column.ts';
import type { PlatformSide } from './platform-side.ts';

/** Which message of a platform each message of a carrier is, and how often each one came there. */
export interface Matches {
  /** By message of a carrier: that of a platform, or -1 for one that no platform sent. */
  readonly ofCarrier: Int32Array;
  /** By message of a platform: the first of the carriers', or -1. */
  readonly first: Int32Array;
  /** By message of a platform: how often it came whole, and how many of its parts came again. */
  readonly arrivals: Uint16Array;
  readonly repeats: Uint16Array;
  /** By message of a platform: its text came as another one. */
  readonly altered: Uint8Array;
  /** By message of a platform: others with its number and text cannot be told from it. */
  readonly alike: Uint8Array;
}

/** First by number and text, each the next of its kind that did not come yet; what is left by number alone. */
export function matchMessages(platform: PlatformSide, carrier: CarrierSide): Matches {
  const sent = platform.messages;
  const came = carrier.messages;
  const n = sent.key.length;
  const matches: Matches = {
    ofCarrier: new Int32Array(came.key.length).fill(-1),
    first: new Int32Array(n).fill(-1),
    arrivals: new Uint16Array(n),
    repeats: new Uint16Array(n),
    altered: new Uint8Array(n),
    alike: new Uint8Array(n),
  };
  /** By first message of a chain: where its search goes on. */
  const resume = new Map<number, number>();

  /** The first of the chain that did not come yet; if all did, the first of all. */
  const open = (head: number, next: ReturnType<typeof createColumn>): number => {
    let at = resume.get(head) ?? head;
    while (at >= 0 && matches.arrivals[at]! > 0) at = next.get(at);
    if (at !== head && at >= 0) resume.set(head, at);
    return at < 0 ? head : at;
  };

  const take = (row: number, message: number): void => {
    matches.ofCarrier[row] = message;
    if (came.repeat.get(row) > 0) {
      matches.repeats[message]!++;
      return;
    }
    matches.arrivals[message]!++;
    if (matches.first[message] === -1) matches.first[message] = row;
  };

  for (let row = 0; row < came.key.length; row++) {
    const key = came.key.get(row);
    const head = key === 0 ? -1 : platform.firstOfKey.get(key);
    if (head >= 0) take(row, open(head, sent.nextOfKey));
  }
  resume.clear();
  for (let row = 0; row < came.key.length; row++) {
    if (matches.ofCarrier[row] !== -1) continue;
    const head = platform.firstOfDigits.get(came.digits.get(row));
    if (head < 0) continue;
    const again = came.repeat.get(row) > 0;
    const message = again ? head : open(head, sent.nextOfDigits);
    // A part that came again, or a message that never became whole, does not say what its text was.
    if (!again && came.key.get(row) !== 0) matches.altered[message] = 1;
    take(row, message);
  }
  for (let message = 0; message < n; message++) {
    const head = platform.firstOfKey.get(sent.key.get(message));
    if (sent.nextOfKey.get(head) >= 0) matches.alike[message] = 1;
  }
  return matches;
}

/** States reported of all messages that are alike, by their key. */
export function statesOfAlike(platform: PlatformSide, carrier: CarrierSide, matches: Matches) {
  const states = createFingerprints();
  for (let part = 0; part < carrier.parts.message.length; part++) {
    const message = matches.ofCarrier[carrier.parts.message.get(part)]!;
    if (message < 0 || matches.alike[message] === 0) continue;
    const key = platform.messages.key.get(message);
    states.set(key, Math.max(0, states.get(key)) | carrier.parts.states.get(part));
  }
  return (message: number): number => Math.max(0, states.get(platform.messages.key.get(message)));
}
