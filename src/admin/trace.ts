import { readAs } from '../capture/dissect.ts';
import { createExchanges, type Exchange } from '../capture/exchange.ts';
import { ANSWER, commandOf, type Wire } from '../capture/wire.ts';
import { MO } from '../message/message.ts';
import type { Tap, TappedSession } from '../session/tap.ts';
import { type Found, findByPlatformId, findMessage, ownId } from './find-message.ts';
import { hiddenFields } from './hidden.ts';
import { maskNumber } from './mask.ts';
import { eachTappedFrame, type TappedFrame, type TapSpan } from './tapped-frames.ts';
import { messageView, recordView } from './views.ts';
import type { Watched } from './watched.ts';

export interface TraceAsk {
  /** Our id, the platform's, or a carrier's. */
  readonly id: string;
  /** When it ended, where that is long ago. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** With texts and full numbers. */
  readonly showText: boolean;
}

/** A frame of the message's life. */
export interface TracedFrame {
  readonly session: TappedSession;
  readonly wire: Wire;
  readonly received: boolean;
  readonly at: number;
  /** In which they came and went. */
  readonly order: number;
  /** A copy. */
  readonly frame: Buffer;
  /** The same in a request and its answer. */
  readonly exchange: number;
  readonly elapsedMs: number | undefined;
  /** What ties it to the message. */
  readonly by: 'id' | 'number and time' | 'its request' | 'its answer';
}

export interface Trace {
  readonly found: Found | undefined;
  readonly frames: readonly TracedFrame[];
  /** Undefined: nothing is kept here (`trace.memory: 0`). */
  readonly span: TapSpan | undefined;
}

/** How far a time of ours and one of the tap may be apart, and how long before its acceptance an MO may have come. */
const NEAR_MS = 100;
const BEFORE_MS = 60_000;

/** A message's frames, found by its ids, and where no id was exchanged by its number at the times of its attempts. */
export async function trace(node: Watched, wires: ReadonlyMap<string, Wire>, ask: TraceAsk): Promise<Trace> {
  const found = await find(node, wires, ask);
  const { tap } = node;
  if (tap === undefined) return { found, frames: [], span: undefined };
  const read = await scan(tap, wires, factsOf(node, ask.id, found));
  if (found !== undefined) return { found, ...read };
  // Not in memory any more; what is in the tap ended since, and has its record there.
  const late = { ...ask, from: ask.from ?? read.span.from, to: ask.to ?? node.gw.clock.now() + 1 };
  const recorded = await find(node, wires, late);
  if (recorded === undefined) return { found, ...read };
  return { found: recorded, ...(await scan(tap, wires, factsOf(node, ask.id, recorded))) };
}

async function scan(
  tap: Tap,
  wires: ReadonlyMap<string, Wire>,
  facts: Facts,
): Promise<{ readonly frames: readonly TracedFrame[]; readonly span: TapSpan }> {
  const frames: TracedFrame[] = [];
  const exchanges = createExchanges();
  const open = new Map<number, TracedFrame>();
  let seen = 0;

  const belongs = (f: TracedFrame): boolean => facts.needles(f.wire).some((needle) => contains(f.frame, needle));
  const kept = (f: TracedFrame, by: TracedFrame['by']): void => void frames.push({ ...f, by });

  const settle = (request: TracedFrame, answer: TracedFrame | undefined): void => {
    const asked = belongs(request);
    const answered = answer !== undefined && belongs(answer);
    if (asked || answered) {
      kept(request, asked ? 'id' : 'its answer');
      if (answer !== undefined) kept(answer, answered ? 'id' : 'its request');
    } else if (facts.likely(request, answer)) {
      kept(request, 'number and time');
      if (answer !== undefined) kept(answer, 'its request');
    }
  };

  const span = await eachTappedFrame(tap, wires, facts.concerns, (f: TappedFrame) => {
    if (f.at < facts.from) return;
    const exchange: Exchange | undefined = exchanges.of(String(f.session.id), !f.received, f.at, f.wire, f.frame);
    const isAnswer = commandOf(f.frame) >= ANSWER;
    const one: TracedFrame = {
      ...f,
      order: ++seen,
      session: { ...f.session },
      frame: Buffer.from(f.frame),
      exchange: exchange?.number ?? 0,
      elapsedMs: isAnswer && exchange !== undefined ? f.at - exchange.requestAt : undefined,
      by: 'id',
    };
    if (!isAnswer) {
      open.set(one.exchange, one);
      return;
    }
    const request = open.get(one.exchange);
    if (request === undefined) {
      if (belongs(one)) kept(one, 'id');
      return;
    }
    open.delete(one.exchange);
    settle(request, one);
  });
  for (const request of open.values()) settle(request, undefined);
  return { frames: frames.sort((a, b) => a.order - b.order), span };
}

async function find(node: Watched, wires: ReadonlyMap<string, Wire>, ask: TraceAsk): Promise<Found | undefined> {
  const own = ownId(ask.id);
  const found = own === undefined ? undefined : await findMessage(node, own, ask);
  if (found !== undefined) return found;
  for (const octets of octetsOf(wires, ask.id)) {
    const other = await findByPlatformId(node, octets, ask);
    if (other !== undefined) return other;
  }
  return undefined;
}

/** All that an id may be on the wire, as Latin-1. */
function octetsOf(wires: ReadonlyMap<string, Wire>, id: string): string[] {
  return [...new Set([...wires.values()].flatMap((w) => w.idOctets(id).map((b) => b.toString('latin1'))))];
}

interface Facts {
  /** Frames before are of no interest; ms. */
  readonly from: number;
  concerns(session: TappedSession): boolean;
  /** Octets of which one is in each frame that names the message. */
  needles(wire: Wire): readonly Buffer[];
  /** Whether an exchange without an id is one of its attempts. */
  likely(request: TracedFrame, answer: TracedFrame | undefined): boolean;
}

function factsOf(node: Watched, asked: string, found: Found | undefined): Facts {
  const { gw } = node;
  const m = found?.message;
  const about = m ?? found?.record;
  const shown = new Set([asked]);
  const raw = new Set<string>();
  const peers = new Set<string>();
  if (about !== undefined) {
    for (const id of [about.id, about.publicId]) shown.add(String(id)).add(id.toString(16));
    peers.add(about.account).add(about.carrier);
    for (const { carrier } of about.trace) peers.add(carrier);
    const account = gw.accounts.get(about.account);
    if (account !== undefined) {
      for (const version of new Set([0, ...account.sessions.map((s) => s.version)])) {
        for (const id of [about.id, about.publicId]) {
          raw.add(account.mapping.writeId(id, about.acceptedAt, account.config, version));
        }
      }
    }
  }
  if (m !== undefined) {
    raw.add(m.platformRef);
    for (const name of m.tried) peers.add(name);
    for (const s of m.segments) for (const id of [s.carrierId, s.otherId]) raw.add(id).add(showId(node, m.carrier, id));
  }
  for (const id of found?.record?.carrierIds ?? []) shown.add(id);
  raw.delete('');
  peers.delete('');

  const cache = new Map<Wire, readonly Buffer[]>();
  const needles = (wire: Wire): readonly Buffer[] => {
    let list = cache.get(wire);
    if (list === undefined) {
      const octets = new Set([
        ...raw,
        ...[...shown].flatMap((id) => wire.idOctets(id).map((b) => b.toString('latin1'))),
      ]);
      // Those of other protocols do no harm, but for short ones, which are in every frame.
      list = [...octets].filter((o) => o.length >= 2).map((o) => Buffer.from(o, 'latin1'));
      cache.set(wire, list);
    }
    return list;
  };

  const isMo = m === undefined ? found?.record?.kind === 'MO' : m.kind === MO;
  const number = Buffer.from((isMo ? about?.source : about?.destination)?.slice(-8) ?? '', 'latin1');
  return {
    from: about === undefined ? 0 : about.acceptedAt - BEFORE_MS,
    concerns: ({ peer }) => about === undefined || peers.has(peer),
    needles,
    likely(request, answer) {
      if (about === undefined || number.length < 5 || !request.frame.includes(number)) return false;
      const near = (at: number): boolean => Math.abs(request.at - at) < NEAR_MS;
      const { acceptedAt, endedAt } = about;
      if (isMo) return near(acceptedAt) || (endedAt > 0 && near(endedAt));
      // To a carrier, and refused or not answered: what was taken has an id, and it would be one of ours.
      if (request.received || request.session.peer === about.account) return false;
      if (request.at < acceptedAt - NEAR_MS || (endedAt > 0 && request.at > endedAt + NEAR_MS)) return false;
      return answer === undefined || !isGood(answer);
    },
  };
}

function isGood({ wire, frame, session }: TracedFrame): boolean {
  const { description } = readAs(wire, frame, session.version);
  const status = description === undefined ? '' : wire.statusName(description, session.version);
  return status === 'OK' || status === 'ESME_ROK';
}

const showId = (node: Watched, carrier: string, id: string): string =>
  id === '' ? '' : (node.gw.carriers.get(carrier)?.mapping.showId(id) ?? id);

/** Written digits and letters must stand alone: 123 is not in 91234. */
function contains(frame: Buffer, needle: Buffer): boolean {
  const written = needle.every(isWordOctet);
  for (let o = frame.indexOf(needle); o >= 0; o = frame.indexOf(needle, o + 1)) {
    if (!written) return true;
    const behind = o + needle.length;
    if (!isWordOctet(frame[o - 1] ?? 0) && !isWordOctet(frame[behind] ?? 0)) return true;
  }
  return false;
}

const isWordOctet = (c: number): boolean =>
  (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a);

/** A trace as the API gives it. */
export function traceView(node: Watched, { found, frames, span }: Trace, showText: boolean): object {
  const view =
    found === undefined
      ? null
      : found.message === undefined
        ? recordView(found.record)
        : messageView(node.gw, found.message);
  return {
    message: view === null || showText ? view : withoutNumbers(view as { source: string; destination: string }),
    tap:
      span === undefined
        ? null
        : {
            from: span.from === 0 ? null : new Date(span.from).toISOString(),
            overwritten: span.overwritten,
            octets: span.octets,
          },
    frames: frames.map((f) => frameView(f, showText)),
  };
}

function withoutNumbers<V extends { readonly source: string; readonly destination: string }>(view: V): V {
  return { ...view, source: maskNumber(view.source), destination: maskNumber(view.destination) };
}

function frameView(f: TracedFrame, showText: boolean): object {
  const { session, wire } = f;
  const { description, fault } = readAs(wire, f.frame, session.version);
  return {
    at: new Date(f.at).toISOString(),
    session: session.id,
    peer: session.peer,
    protocol: session.protocol,
    version: session.version,
    direction: f.received ? 'in' : 'out',
    exchange: f.exchange,
    elapsedMs: f.elapsedMs ?? null,
    by: f.by,
    ...(description === undefined
      ? { command: null, fault, octets: f.frame.length }
      : {
          command: description.command,
          sequence: description.sequence,
          status: wire.statusName(description, session.version),
          fields: hiddenFields(description.fields, showText),
        }),
  };
}
