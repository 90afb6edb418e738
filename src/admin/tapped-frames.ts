import { breathe } from '../base/timers.ts';
import { createFrameSearch, type FrameSearch } from '../capture/frame-search.ts';
import type { Wire } from '../capture/wire.ts';
import type { Tap, TappedSession } from '../session/tap.ts';

/** One frame of the tap. */
export interface TappedFrame {
  readonly session: TappedSession;
  readonly wire: Wire;
  readonly received: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Valid during the call. */
  readonly frame: Buffer;
}

/** What the tap held while it was read. */
export interface TapSpan {
  /** Of the oldest octets; 0: it was empty. */
  readonly from: number;
  /** Octets were overwritten before. */
  readonly overwritten: boolean;
  readonly octets: number;
}

/** Octets that are read before others have their turn. */
const SLICE = 256 * 1024;

/**
 * Cuts what the tap holds into frames, oldest first. In slices: the gateway goes on in between, and what it overwrites
 * meanwhile is passed over.
 */
export async function eachTappedFrame(
  tap: Tap,
  wires: ReadonlyMap<string, Wire>,
  wanted: (session: TappedSession) => boolean,
  see: (frame: TappedFrame) => void,
): Promise<TapSpan> {
  const { oldest, newest } = tap;
  const searches = new Map<string, { readonly search: FrameSearch; place: Place }>();
  let from = 0;
  let position = oldest;
  let slice = 0;
  for (;;) {
    if (position < tap.oldest) for (const { search } of searches.values()) search.adrift();
    const piece = tap.read(position);
    // What came after we began is another question.
    if (piece === undefined || piece.position >= newest) break;
    if (from === 0) from = piece.at;
    const { session, received, at } = piece;
    const wire = wires.get(session.protocol);
    if (wire !== undefined && wanted(session)) {
      const key = `${session.id} ${received}`;
      let one = searches.get(key);
      if (one === undefined) {
        const place: Place = { session, wire, received, see };
        one = {
          place,
          search: createFrameSearch(wire, { onFrame: (when, f) => hand(place, when, f), onSkipped() {} }),
        };
        if (oldest > 0) one.search.adrift();
        searches.set(key, one);
      }
      one.place.session = session;
      one.search.octets(at, piece.octets);
    }
    position = piece.next;
    slice += piece.octets.length;
    if (slice < SLICE) continue;
    slice = 0;
    await breathe();
  }
  return { from, overwritten: oldest > 0, octets: newest - oldest };
}

interface Place {
  session: TappedSession;
  readonly wire: Wire;
  readonly received: boolean;
  readonly see: (frame: TappedFrame) => void;
}

function hand({ session, wire, received, see }: Place, at: number, frame: Buffer): void {
  see({ session, wire, received, at, frame });
}
