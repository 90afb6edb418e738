import { putLatin1 } from '../protocols/wire/octets.ts';
import type { Peer } from './peer.ts';

/**
 * A frame that was written once by its tables. Those like it are copied from it, and what varies is put into its places:
 * a quarter of the time of writing them by the tables.
 */
export interface Stencil {
  readonly frame: Buffer;
  /** Where each of the texts that vary begins: some stand in a frame twice. */
  readonly places: readonly (readonly number[])[];
}

/** A text that varies, by the mark that stands for it, and how often it stands in the frame. */
export interface Variable {
  readonly mark: string;
  readonly times: number;
}

const MOST_OCTETS = 32;

/** The k-th variable of a frame, k from 0 to 3; undefined where it is too long, or empty: no stencil can be cut. */
export function variable(k: number, length: number, times = 1): Variable | undefined {
  if (length === 0 || length > MOST_OCTETS) return undefined;
  // Octets that no number, word or id in a frame of ours has in this order.
  const octets = Array.from({ length }, (_, i) => 0x80 + k * MOST_OCTETS + i);
  return { mark: String.fromCharCode(...octets), times };
}

/**
 * `write` writes the frame into the outbox, with the marks for the variables; it is taken out again. Undefined where a
 * mark is not found as often as it should.
 */
export function cutStencil(
  peer: Peer,
  variables: readonly (Variable | undefined)[],
  write: (marks: readonly string[]) => void,
): Stencil | undefined {
  const marks = variables.flatMap((v) => (v === undefined ? [] : [v.mark]));
  if (marks.length < variables.length) return undefined;
  const start = peer.at;
  write(marks);
  const frame = Buffer.from(peer.out.subarray(start, peer.at));
  peer.at = start;
  const places = marks.map((mark) => {
    const found: number[] = [];
    for (let at = frame.indexOf(mark, 0, 'latin1'); at >= 0; at = frame.indexOf(mark, at + 1, 'latin1')) found.push(at);
    return found;
  });
  return places.every((found, k) => found.length === variables[k]!.times) ? { frame, places } : undefined;
}

/** Puts a copy into the outbox; returns where it begins there. */
export function copyStencil(peer: Peer, { frame }: Stencil): number {
  peer.room(frame.length);
  const start = peer.at;
  peer.out.set(frame, start);
  peer.at = start + frame.length;
  return start;
}

/** Puts the k-th variable into the copy at `start`. */
export function fillIn(peer: Peer, start: number, { places }: Stencil, k: number, text: string): void {
  for (const at of places[k]!) putLatin1(peer.out, text, start + at);
}
