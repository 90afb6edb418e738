import type { Added, Incomplete } from '../../protocols/text/reassemble.ts';
import { type Concat, parseUdh } from '../../protocols/text/udh.ts';
import { INCOMPLETE, type Message, PART, POSSIBLE_DUPLICATE } from '../message/message.ts';
import { withoutShifts } from '../message/user-data-header.ts';
import { plans } from '../store/events.ts';
import type { Account } from './account.ts';
import type { Carrier } from './carrier.ts';
import type { Gateway } from './context.ts';
import { countDay } from './days.ts';
import { cutWhole, joinParts, PLAIN, plain, SHORT, SHORT_ASCII, type Text } from './join.ts';
import { applyAccepted, applyClosed, create } from './state.ts';
import { tell } from './tell.ts';

/** How long a text of a carrier that is gone waits. */
const WITHIN = 300_000;
/** Octets of a text, at most, that a message of ours and a message_payload hold. */
const MOST_OCTETS = 60_000;
/** Octets that the short PDUs of every protocol can count. */
const MOST_CONTENT = 254;
/** Outcome of an MO whose text other MO have now: it leaves no record. */
export const ANEW = 'given out anew';
const REPEATED = 'repeated';
/** Texts given up in one turn: a flood that ends at once must not become one huge batch. */
const MOST_AT_ONCE = 500;

/** IEI 0 with a reference of 16 bits is what some Chinese gateways write. */
export const concatOf = (udh: Uint8Array): Concat | undefined =>
  udh.length === 0 ? undefined : parseUdh(udh, { wideIei0: true }).concat;

/** How an account has long MO: a protocol whose PDUs cannot carry a whole one gets it cut anew. */
function formOf(account: Account | undefined): 'whole' | 'cut' | 'segments' {
  const form = account?.config.moForm ?? 'segments';
  return form === 'whole' && account?.mapping.wholeMo === undefined ? 'cut' : form;
}

/** A text as the PDUs of an account's protocol hold it. */
function cutFor(account: Account | undefined, text: Text, ref: number): Text[] {
  const room = account?.mapping.wholeMo?.short;
  if (room !== undefined) return cutWhole(text, room, ref);
  const carried = plain(text);
  return cutWhole(carried, carried.coding === 'ascii' ? SHORT_ASCII : SHORT, ref);
}

/**
 * Whether a segment cannot go to the account's protocol as it is, since it must be coded anew, and may be too long then,
 * or is too long already: its whole is cut anew.
 */
const mustRecut = (account: Account | undefined, { udh, coding, octets }: Text): boolean =>
  account !== undefined &&
  account.mapping.wholeMo === undefined &&
  (!PLAIN.has(coding) || udh.length + octets.length > MOST_CONTENT);

/** Whether a part has to wait for the others. */
export const waitsForOthers = (account: Account, part: Text, concat: Concat | undefined): concat is Concat =>
  concat !== undefined && concat.total > 1 && (formOf(account) !== 'segments' || mustRecut(account, part));

/** Makes an MO ours and hands it to its platform once it is durable. */
export function forward(gw: Gateway, m: Message): void {
  keep(gw, m);
  const account = gw.accounts.get(m.account);
  if (account?.mapping.tellsDays === true) countDay(account, m, 'mo');
  gw.batch.effect(tell, gw, m, undefined);
}

/** `forward` for an MO that came in one PDU, which may be more than one PDU of its platform's holds. */
export function forwardOne(gw: Gateway, account: Account, m: Message, concat: Concat | undefined): void {
  // Segments of its sender's are not cut again; one of one is no segment.
  const fits =
    (concat !== undefined && concat.total > 1) || (account.mapping.wholeMo !== undefined && formOf(account) !== 'cut');
  const texts: readonly Text[] = fits ? [m] : cutFor(account, m, m.id);
  if (texts.length === 1) forward(gw, m);
  else give(gw, m, texts, [], 0);
}

/**
 * Gives out anew an MO that is too long for the bind that would take it, of an old version or of another protocol than
 * when it came. True if it did: its segments are at the end of the outbox once they are durable.
 */
export function recut(gw: Gateway, account: Account, m: Message, version: number): boolean {
  const { wholeMo } = account.mapping;
  if (m.octets.length <= SHORT || (wholeMo !== undefined && version >= wholeMo.since)) return false;
  if (concatOf(m.udh) !== undefined && m.udh.length + m.octets.length <= MOST_CONTENT) return false;
  const texts = cutFor(account, m, m.id);
  if (texts.length > 1) give(gw, m, texts, [m], m.flags);
  return texts.length > 1;
}

function keep(gw: Gateway, m: Message): void {
  gw.batch.add(plans.accepted, m);
  applyAccepted(gw.state, m);
}

/**
 * A part of a long MO: journalled as a message that is held back, so that its carrier is answered and a crash loses
 * nothing; the last one lets the whole go, in one batch with the end of the parts.
 */
export function takePart(gw: Gateway, carrier: Carrier, part: Message, concat: Concat): void {
  const { counters, config } = carrier;
  part.flags |= PART;
  const added = gw.assembly.add(part, concat, config.mo.joinWithin, gw.clock.now());
  if ((part.flags & POSSIBLE_DUPLICATE) !== 0) counters.moRepeated++;
  if (added.state === 'waiting') keep(gw, part);
  else if (added.state === 'duplicate') counters.moRepeated++;
  else if (added.state === 'whole') {
    // The last one, too: if its answer does not arrive it comes again, perhaps after a restart.
    keep(gw, part);
    whole(gw, added.parts);
  } else {
    // No room to wait in: better in pieces than not at all.
    part.flags &= ~PART;
    forward(gw, part);
  }
}

function whole(gw: Gateway, parts: readonly Message[]): void {
  const first = parts[0]!;
  if (isRepetition(parts)) {
    drop(gw, parts);
    return;
  }
  const carrier = gw.carriers.get(first.carrier);
  if (carrier !== undefined) carrier.counters.moJoined++;
  const account = gw.accounts.get(first.account);
  const form = formOf(account);
  if (form === 'segments' && !parts.some((p) => mustRecut(account, p))) give(gw, first, parts, parts, 0);
  else {
    const text = joinParts(parts);
    const fits = form === 'whole' && text.octets.length <= MOST_OCTETS;
    give(gw, first, fits ? [text] : cutFor(account, text, gw.state.nextId), parts, 0);
  }
}

/** Those whose time is over: what came goes out, joined and marked, or in its pieces, whose headers say what is missing. */
export function giveUpWaiting(gw: Gateway): void {
  if (gw.assembly.open === 0 || gw.batch.faulty !== '' || gw.batch.congested) return;
  for (const incomplete of gw.assembly.expire(gw.clock.now(), MOST_AT_ONCE)) partial(gw, incomplete);
}

function partial(gw: Gateway, { concat, parts: all }: Incomplete<Message>): void {
  const parts = all.filter((p) => p !== undefined);
  const first = parts[0];
  if (first === undefined) return;
  if (isRepetition(parts)) {
    drop(gw, parts);
    return;
  }
  const carrier = gw.carriers.get(first.carrier);
  if (carrier !== undefined) carrier.counters.moIncomplete++;
  gw.log.warn(
    { carrier: first.carrier, account: first.account, came: parts.length, of: concat.total },
    'long MO is incomplete: what came is handed on',
  );
  const account = gw.accounts.get(first.account);
  const text = joinParts(parts);
  let texts: readonly Text[] = parts;
  if (formOf(account) === 'whole' && text.octets.length <= MOST_OCTETS) texts = [text];
  else if (parts.some((p) => mustRecut(account, p))) {
    // Coded anew, it may still be the segment that it was.
    const own = parts.map((p) => ({ ...plain(p), udh: withoutShifts(p.udh) }));
    const fit = formOf(account) === 'segments' && own.every((p) => p.udh.length + p.octets.length <= SHORT);
    texts = fit ? own : cutFor(account, text, gw.state.nextId);
  }
  give(gw, first, texts, parts, INCOMPLETE);
}

/** New messages with these texts take the place of the parts. */
function give(gw: Gateway, like: Message, texts: readonly Text[], parts: readonly Message[], flags: number): void {
  const now = gw.clock.now();
  for (const { udh, dataCoding, coding, octets } of texts) {
    const id = gw.state.nextId;
    const value = { ...like, id, publicId: id, acceptedAt: now, flags, udh, dataCoding, coding, octets };
    forward(gw, create(value, gw.batch.sequence));
  }
  end(gw, parts, ANEW, now);
}

/** All of it was in a text that has been given out: an answer of ours was lost, and the carrier sent again. */
const isRepetition = (parts: readonly Message[]): boolean => parts.every((p) => (p.flags & POSSIBLE_DUPLICATE) !== 0);

function drop(gw: Gateway, parts: readonly Message[]): void {
  end(gw, parts, REPEATED, gw.clock.now());
}

function end(gw: Gateway, parts: readonly Message[], outcome: string, now: number): void {
  for (const part of parts) {
    const value = { id: part.id, outcome, at: now };
    gw.batch.add(plans.closed, value);
    applyClosed(gw.state, part, value);
  }
}

/** Parts that a restart found wait again, as long as at first: their rest may still be at the carrier. */
export function resumePart(gw: Gateway, part: Message): void {
  const concat = concatOf(part.udh);
  const within = gw.carriers.get(part.carrier)?.config.mo.joinWithin ?? WITHIN;
  const added: Added<Message> =
    concat === undefined ? { state: 'full' } : gw.assembly.resume(part, concat, within, gw.clock.now());
  if (added.state === 'whole') whole(gw, added.parts);
  else if (added.state !== 'waiting') give(gw, part, [part], [part], 0);
}

/** A part whose text was given out before the restart: should it come again, it is known. */
export function rememberPart(gw: Gateway, part: Message): void {
  const concat = concatOf(part.udh);
  const within = gw.carriers.get(part.carrier)?.config.mo.joinWithin ?? WITHIN;
  if (concat !== undefined) gw.assembly.remember(part, concat, within, gw.clock.now());
}
