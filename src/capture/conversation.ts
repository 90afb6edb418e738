import { createFrameSearch, type FrameSearch } from './frame-search.ts';
import type { Segment } from './packet.ts';
import { createTcpStream, type TcpStream } from './tcp-stream.ts';
import type { Wire } from './wire.ts';

/** A TCP connection of a capture. */
export interface Conversation {
  /** From 1, in the order of their first packets. */
  readonly number: number;
  readonly client: string;
  readonly server: string;
  readonly serverPort: number;
  wire: Wire | undefined;
  /** Version spoken: set by the reader's owner as it learns it; undefined: not known yet. */
  version: number | undefined;
}

/** Who sent a frame. */
export type Sender = 'client' | 'server';

export interface ConversationEvents {
  /** Which protocol is spoken, where the port says so; `guess`: see what it is by what comes; undefined: not ours. */
  protocolOf(conversation: Conversation): Wire | 'guess' | undefined;
  /** Which protocol these first octets of both directions are. */
  guess(first: readonly Buffer[]): Wire | undefined;
  onFrame(conversation: Conversation, sender: Sender, at: number, frame: Buffer): void;
  /** Something was not captured, or is no frame. */
  onTrouble(conversation: Conversation, sender: Sender, at: number, what: string): void;
}

export interface Conversations {
  segment(at: number, segment: Segment): void;
  /** Hands on all that still waits. */
  end(): void;
  readonly opened: number;
  /** Connections in which nothing of ours was seen. */
  readonly foreign: number;
}

/** What is needed of a connection before its protocol is guessed. */
const GUESS_OCTETS = 4096;
const GUESS_PIECES = 12;

type Event = { readonly sender: Sender; readonly at: number } & (
  | { readonly octets: Buffer }
  | { readonly missing: number }
  | { readonly adrift: true }
);

interface Live {
  readonly conversation: Conversation;
  readonly clientKey: string;
  readonly streams: Readonly<Record<Sender, TcpStream>>;
  readonly synSequence: number | undefined;
  close(): void;
}

/** Sorts segments into connections, puts each direction in order and cuts it into frames. */
export function createConversations(events: ConversationEvents, serverPorts: ReadonlySet<number>): Conversations {
  const live = new Map<string, Live>();
  let opened = 0;
  let foreign = 0;

  const begin = (s: Segment): Live => {
    // The one that says SYN is the client; in mid-stream the known, else the lower port is the server's.
    const known = serverPorts.has(s.sourcePort) !== serverPorts.has(s.destinationPort);
    const fromServer = known ? serverPorts.has(s.sourcePort) : s.sourcePort < s.destinationPort;
    const fromClient = s.syn ? s.acknowledged === undefined : !fromServer;
    const source = endpoint(s.source, s.sourcePort);
    const destination = endpoint(s.destination, s.destinationPort);
    opened++;
    const conversation: Conversation = {
      number: opened,
      client: fromClient ? source : destination,
      server: fromClient ? destination : source,
      serverPort: fromClient ? s.destinationPort : s.sourcePort,
      wire: undefined,
      version: undefined,
    };
    const wire = events.protocolOf(conversation);
    if (wire !== undefined && wire !== 'guess') conversation.wire = wire;
    if (wire === undefined) foreign++;
    return follow(conversation, wire === 'guess', s.syn && fromClient ? s.sequence : undefined);
  };

  const follow = (conversation: Conversation, guessing: boolean, synSequence: number | undefined): Live => {
    let searches: Record<Sender, FrameSearch> | undefined;
    let held: Event[] | undefined = guessing ? [] : undefined;
    let heldOctets = 0;
    let lastAt = 0;

    const search = (wire: Wire, sender: Sender): FrameSearch =>
      createFrameSearch(wire, {
        onFrame: (at, frame) => events.onFrame(conversation, sender, at, frame),
        onSkipped: (at, octets, why) => events.onTrouble(conversation, sender, at, `${octets} octets skipped: ${why}`),
      });
    const start = (wire: Wire): void => {
      searches = { client: search(wire, 'client'), server: search(wire, 'server') };
    };
    if (conversation.wire !== undefined) start(conversation.wire);

    const take = (event: Event): void => {
      if (searches === undefined) return;
      const { sender, at } = event;
      if ('octets' in event) searches[sender].octets(at, event.octets);
      else if ('adrift' in event) searches[sender].adrift();
      else {
        events.onTrouble(conversation, sender, at, `${event.missing} octets were not captured`);
        searches[sender].gap(at, event.missing);
      }
    };
    const decide = (): void => {
      const early = held ?? [];
      held = undefined;
      const said = (by: Sender): Buffer =>
        Buffer.concat(early.flatMap((e) => ('octets' in e && e.sender === by ? [e.octets] : [])));
      conversation.wire = events.guess([said('client'), said('server')]);
      if (conversation.wire === undefined) foreign++;
      else {
        start(conversation.wire);
        for (const event of early) take(event);
      }
    };
    const see = (event: Event): void => {
      lastAt = event.at;
      if (held === undefined) {
        take(event);
        return;
      }
      held.push('octets' in event ? { ...event, octets: Buffer.from(event.octets) } : event);
      if ('octets' in event) heldOctets += event.octets.length;
      if (heldOctets >= GUESS_OCTETS || held.length >= GUESS_PIECES) decide();
    };
    const stream = (sender: Sender): TcpStream =>
      createTcpStream({
        onOctets: (at, octets) => see({ sender, at, octets }),
        onGap: (at, missing) => see({ sender, at, missing }),
        onMidstream: () => see({ sender, at: lastAt, adrift: true }),
      });
    const streams = { client: stream('client'), server: stream('server') };
    return {
      conversation,
      clientKey: conversation.client,
      streams,
      synSequence,
      close() {
        streams.client.end();
        streams.server.end();
        if (held !== undefined) decide();
        searches?.client.end(lastAt);
        searches?.server.end(lastAt);
      },
    };
  };

  return {
    segment(at, s) {
      const source = endpoint(s.source, s.sourcePort);
      const destination = endpoint(s.destination, s.destinationPort);
      const key = source < destination ? `${source} ${destination}` : `${destination} ${source}`;
      let one = live.get(key);
      const opens = s.syn && s.acknowledged === undefined;
      if (one !== undefined && opens && one.synSequence !== s.sequence) {
        // The same two ports again: another connection.
        one.close();
        one = undefined;
      }
      if (one === undefined) {
        if (s.rst) return;
        one = begin(s);
        live.set(key, one);
      }
      const sender: Sender = source === one.clientKey ? 'client' : 'server';
      one.streams[sender].segment(at, s.sequence, s.syn, s.octets, s.cut);
      if (s.acknowledged !== undefined) {
        one.streams[sender === 'client' ? 'server' : 'client'].acknowledged(at, s.acknowledged);
      }
      if (!s.rst) return;
      one.close();
      live.delete(key);
    },
    end() {
      for (const one of live.values()) one.close();
      live.clear();
    },
    get opened() {
      return opened;
    },
    get foreign() {
      return foreign;
    },
  };
}

const endpoint = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
