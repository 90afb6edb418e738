import { WireFault } from '../../protocols/wire/fault.ts';
import { type Conversation, type Conversations, createConversations, type Sender } from './conversation.ts';
import { createExchanges } from './exchange.ts';
import { createCaptureReader } from './file.ts';
import { createFrameSearch } from './frame-search.ts';
import { readSegment } from './packet.ts';
import type { Description, Wire } from './wire.ts';

/** One PDU of a capture. */
export interface CapturedPdu {
  /** Microseconds since the epoch, of the packet in which it was complete. */
  readonly at: number;
  readonly conversation: Conversation;
  readonly sender: Sender;
  readonly wire: Wire;
  readonly version: number;
  /** A copy. */
  readonly frame: Buffer;
  readonly description: Description | undefined;
  /** Why there is no description. */
  readonly fault: string;
  /** The same in a request and its answer; 0: an answer to nothing that was captured. */
  readonly exchange: number;
  /** Microseconds since its request; undefined: it is one, or that was not captured. */
  readonly elapsed: number | undefined;
}

/** What a port speaks; `version` undefined: as its binds say. */
export interface PortUse {
  readonly wire: Wire;
  readonly version: number | undefined;
}

export interface DissectOptions {
  readonly wires: readonly Wire[];
  /** Looked at, and nothing else; undefined: the usual ports, and by content. */
  readonly ports: ReadonlyMap<number, PortUse> | undefined;
  readonly onPdu: (pdu: CapturedPdu) => void;
  readonly onTrouble: (conversation: Conversation, sender: Sender, at: number, what: string) => void;
}

export interface Dissector {
  /** Feeds a piece of the capture file. Throws CaptureFault. */
  push(chunk: Buffer): void;
  /** Hands on what waits; throws CaptureFault where the file is cut. */
  end(): void;
  readonly packets: number;
  /** Packets of no use, by why. */
  readonly useless: ReadonlyMap<string, number>;
  readonly conversations: Pick<Conversations, 'opened' | 'foreign'>;
}

/** From the octets of a capture file to its PDUs. */
export function createDissector(options: DissectOptions): Dissector {
  const { wires } = options;
  const usual = new Map(wires.flatMap((wire) => wire.ports.map((port) => [port, { wire, version: undefined }])));
  const ports: ReadonlyMap<number, PortUse> = options.ports ?? usual;
  const exchanges = createExchanges();
  const useless = new Map<string, number>();
  let packets = 0;

  const conversations = createConversations(
    {
      protocolOf(conversation) {
        const use = ports.get(conversation.serverPort);
        if (use === undefined) return options.ports === undefined ? 'guess' : undefined;
        conversation.version = use.version;
        return use.wire;
      },
      guess: (first) => guess(wires, first),
      onFrame(conversation, sender, at, view) {
        const wire = conversation.wire!;
        const frame = Buffer.from(view);
        const exchange = exchanges.of(String(conversation.number), sender === 'client', at, wire, frame);
        const isRequest = exchange !== undefined && exchange.requestAt === at && frame[4]! < 0x80;
        options.onPdu({
          at,
          conversation,
          sender,
          wire,
          frame,
          ...read(wire, conversation, frame),
          exchange: exchange?.number ?? 0,
          elapsed: exchange === undefined || isRequest ? undefined : at - exchange.requestAt,
        });
      },
      onTrouble: options.onTrouble,
    },
    new Set(ports.keys()),
  );

  const reader = createCaptureReader(({ at, link, octets }) => {
    packets++;
    const segment = readSegment(link, octets);
    if (typeof segment === 'string') useless.set(segment, (useless.get(segment) ?? 0) + 1);
    else conversations.segment(at, segment);
  });

  return {
    push: (chunk) => reader.push(chunk),
    end() {
      conversations.end();
      reader.end();
    },
    get packets() {
      return packets;
    },
    useless,
    conversations,
  };
}

type Reading = Pick<CapturedPdu, 'version' | 'description' | 'fault'>;

/** Reads a frame in the version of its conversation, and learns that version where the frame tells it. */
function read(wire: Wire, conversation: { version: number | undefined }, frame: Buffer): Reading {
  const { version } = conversation;
  if (version !== undefined) return readAs(wire, frame, version);
  const readings = [...new Set(Object.values(wire.versions))].map((v) => readAs(wire, frame, v));
  const fitting = readings.filter(fits);
  const best = fitting[0] ?? readings.find((r) => r.description !== undefined) ?? readings[0]!;
  if (best.description !== undefined) conversation.version = wire.agreed(best.description);
  if (fitting.length === 1 && readings.length > 1) conversation.version ??= best.version;
  const { version: learned = best.version } = conversation;
  return learned === best.version ? best : readAs(wire, frame, learned);
}

/** Read to its last octet. */
function fits({ description }: Reading): boolean {
  return description !== undefined && !('trailing_hex' in description.fields);
}

/** Never throws: what cannot be read says why. */
export function readAs(wire: Wire, frame: Buffer, version: number): Reading {
  try {
    return { version, description: wire.describe(frame, version), fault: '' };
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    return { version, description: undefined, fault: error.message };
  }
}

/** The protocol that can read most of what came first in each direction; undefined: none can. */
function guess(wires: readonly Wire[], first: readonly Buffer[]): Wire | undefined {
  let best: Wire | undefined;
  let most = 0;
  for (const wire of wires) {
    let score = 0;
    for (const octets of first) score += scoreOf(wire, octets);
    if (score > most) {
      most = score;
      best = wire;
    }
  }
  return best;
}

/** Frames that read to their last octet, less what does not fit. */
function scoreOf(wire: Wire, octets: Buffer): number {
  let score = 0;
  const versions = new Set(Object.values(wire.versions));
  const search = createFrameSearch(wire, {
    onFrame(_, frame) {
      const good = wire.likely(frame) && [...versions].some((version) => fits(readAs(wire, frame, version)));
      score += good ? 1 : -1;
    },
    onSkipped() {
      score--;
    },
  });
  search.octets(0, octets);
  return score;
}
