import type { Behaviour } from '../behaviour.ts';
import type { Ledger } from '../books.ts';
import type { Peer } from '../peer.ts';
import type { Protocol } from '../protocol.ts';
import { delayOf } from '../scenario/distribution.ts';
import { chance, drawn, type Lot, purpose } from '../scenario/draw.ts';

const GARBAGE = purpose('garbage');
const GARBAGE_OCTET = purpose('garbage octet');
const TWICE = purpose('answer twice');
const TWICE_DELAY = purpose('answer twice delay');
const STRAY = purpose('stray answer');

type Header = Pick<Protocol, 'headerSize' | 'sequenceAt'>;

/** Turned, it makes the number of a request that nobody counts up to. */
const FAR = 0x40;
const HTTP = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

/** Whether an answer under these rules may go wrong. */
export const misanswers = ({ garbage, answerTwice, strayAnswer }: Behaviour): boolean =>
  garbage.probability + answerTwice.probability + strayAnswer.probability > 0;

/**
 * Lets the answer that stands in the outbox from `start` on go wrong by the rules. `later` runs something after so many
 * milliseconds.
 */
export function misanswer(
  peer: Peer,
  start: number,
  header: Header,
  rules: Behaviour,
  lot: Lot,
  { counts }: Ledger,
  later: (delay: number, run: () => void) => void,
): void {
  const { garbage, answerTwice, strayAnswer } = rules;
  let at = start;
  if (chance(lot, STRAY, strayAnswer.probability)) {
    counts.strayAnswers++;
    if (!strayAnswer.instead) {
      const octets = Buffer.from(peer.out.subarray(start, peer.at));
      at = peer.at;
      write(peer, octets);
    }
    peer.out[start + header.sequenceAt]! ^= FAR;
  }
  if (chance(lot, TWICE, answerTwice.probability)) {
    counts.answeredTwice++;
    const octets = Buffer.from(peer.out.subarray(at, peer.at));
    const delay = delayOf(answerTwice.delay, lot, TWICE_DELAY);
    if (delay === 0) write(peer, octets);
    else
      later(delay, () => {
        if (!peer.closed) write(peer, octets);
      });
  }
  if (chance(lot, GARBAGE, garbage.probability)) spoil(peer, at, header, garbage.kind, lot, counts);
}

function write(peer: Peer, octets: Uint8Array): void {
  peer.room(octets.length);
  peer.out.set(octets, peer.at);
  peer.at += octets.length;
}

/** Spoils the frame at `start`, which is the last of the outbox unless it was written twice. */
function spoil(
  peer: Peer,
  start: number,
  header: Header,
  kind: Behaviour['garbage']['kind'],
  lot: Lot,
  counts: Ledger['counts'],
): void {
  counts.spoilt++;
  const { out } = peer;
  switch (kind) {
    case 'octets':
      // A first octet that no length has: the frame border is lost for sure.
      out[start] = 0x7f;
      for (let o = start + 1; o < peer.at; o++) out[o] = Math.floor(drawn(lot, GARBAGE_OCTET, o - start) * 256);
      break;
    case 'length':
      out.writeUInt32BE(5, start);
      break;
    case 'huge':
      out.writeUInt32BE(1 << 30, start);
      break;
    case 'command':
      out.writeUInt32BE(0x8fffffff, start + 4);
      break;
    case 'sequence':
      out.writeUInt32BE(0x7ffffff1, start + header.sequenceAt);
      break;
    case 'bodyless':
      out.writeUInt32BE(header.headerSize, start);
      peer.at = start + header.headerSize;
      break;
    case 'text':
      peer.at = start;
      write(peer, Buffer.from(HTTP, 'latin1'));
      break;
    case 'cut':
      peer.at = start + Math.ceil((peer.at - start) / 2);
      peer.end();
      break;
  }
}
