import { type Coding, decode } from '../../protocols/text/charset.ts';
import { partAt } from '../part.ts';
import type { Session, Submit } from '../protocol.ts';
import { type Lot, lotOf } from './draw.ts';
import { createOccurrences, messageKey } from './message-key.ts';
import type { Event } from './when.ts';

/** The event of a submit: one object for all of a carrier's, filled anew for each. Key, lot and text are worked out if asked for. */
export interface SubmitEvent extends Event {
  about(session: Session, submit: Submit): void;
  /** For the conditions of another of its destinations. */
  to(destination: string): void;
  /** What the lot is of: the message, and which time it came (0: the first). */
  readonly key: number;
  readonly time: number;
}

export function createSubmitEvent(
  seed: () => number,
  codingOf: (dataCoding: number, octets: Uint8Array) => Coding,
): SubmitEvent {
  const occurrences = createOccurrences();
  let submit: Submit;
  let lot: Lot | undefined;
  let key = 0;
  let time = 0;
  let text: string | undefined;
  const event = {
    kind: 'submit' as const,
    account: undefined as string | undefined,
    session: 0,
    number: undefined as string | undefined,
    source: undefined as string | undefined,
    get key() {
      return key;
    },
    get time() {
      return time;
    },
    about(s: Session, of: Submit) {
      submit = of;
      lot = undefined;
      text = undefined;
      event.account = s.book?.account.name;
      event.session = s.ordinal;
      event.number = of.destinations[0];
      event.source = of.source;
    },
    to(destination: string) {
      event.number = destination;
    },
    lot() {
      if (lot === undefined) {
        key = messageKey(submit.destinations, submit.octets, submit.udhi);
        time = occurrences.next(key);
        lot = lotOf(seed(), key, time);
      }
      return lot;
    },
    text() {
      if (text === undefined) {
        const { octets } = partAt(submit.octets, submit.udhi);
        text = decode(octets, codingOf(submit.dataCoding, octets));
      }
      return text;
    },
  };
  return event;
}
