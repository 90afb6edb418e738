/** A capture file that cannot be read on: what is wrong, and at which octet of the file. */
export class CaptureFault extends Error {
  readonly offset: number;
  constructor(what: string, offset: number) {
    super(`${what} at octet ${offset}`);
    this.name = 'CaptureFault';
    this.offset = offset;
  }
}

/** One packet of a capture file. */
export interface Packet {
  /** Microseconds since the epoch; 0 where the file has no time. */
  readonly at: number;
  /** What its first header is: a LINKTYPE of the registry at tcpdump.org. */
  readonly link: number;
  /** What was captured, perhaps not all of the packet. Valid during the call. */
  readonly octets: Buffer;
}

export interface CaptureReader {
  /** Feeds a piece of the file. Throws CaptureFault. */
  push(chunk: Buffer): void;
  /** Says that this was all. Throws CaptureFault where the file ends within a record. */
  end(): void;
}

/** No packet is larger, whatever a broken file says. */
const RECORD_MAX = 1 << 24;

const PCAP_HEADER = 24;
const PCAP_RECORD = 16;
const PCAP_MICROS = 0xa1b2c3d4;
const PCAP_NANOS = 0xa1b23c4d;

const SECTION = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const INTERFACE = 1;
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const OPTION_RESOLUTION = 9;
const OPTION_OFFSET = 14;

interface Interface {
  readonly link: number;
  readonly snap: number;
  /** Units of its timestamps in a second, and seconds to add. */
  readonly perSecond: bigint;
  readonly offset: bigint;
}

/** Reads a record of `rest`; returns how many octets it took, 0 where it needs more. `at`: offset of `rest` in the file. */
type Step = (rest: Buffer, at: number) => number;

/** Reads classic pcap and pcapng, of both byte orders, as it comes in pieces. */
export function createCaptureReader(onPacket: (packet: Packet) => void): CaptureReader {
  let rest: Buffer = Buffer.alloc(0);
  let at = 0;
  let step: Step = (head, o) => {
    if (head.length < 4) return 0;
    const magic = head.readUInt32BE(0);
    if (magic === SECTION) step = pcapng(onPacket);
    else {
      const little = head.readUInt32LE(0);
      const known = [magic, little].find((m) => m === PCAP_MICROS || m === PCAP_NANOS);
      if (known === undefined) throw new CaptureFault('neither pcap nor pcapng: unknown first octets', o);
      step = pcap(known === little, known === PCAP_NANOS, onPacket);
    }
    return step(head, o);
  };
  return {
    push(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (;;) {
        const taken = step(rest, at);
        if (taken === 0) return;
        at += taken;
        rest = rest.subarray(taken);
      }
    },
    end() {
      if (at === 0) throw new CaptureFault('the file ends before its header does', rest.length);
      if (rest.length > 0) throw new CaptureFault(`the file ends within a record of ${rest.length} octets`, at);
    },
  };
}

function pcap(little: boolean, nanos: boolean, onPacket: (packet: Packet) => void): Step {
  const u32 = (b: Buffer, o: number): number => (little ? b.readUInt32LE(o) : b.readUInt32BE(o));
  let link = -1;
  return (b, at) => {
    if (link < 0) {
      if (b.length < PCAP_HEADER) return 0;
      // The upper bits say whether packets end in a frame check sequence.
      link = u32(b, 20) & 0xffff;
      return PCAP_HEADER;
    }
    if (b.length < PCAP_RECORD) return 0;
    const length = u32(b, 8);
    if (length > RECORD_MAX) throw new CaptureFault(`a packet of ${length} octets cannot be`, at + 8);
    if (b.length < PCAP_RECORD + length) return 0;
    const fraction = u32(b, 4);
    const micros = u32(b, 0) * 1e6 + (nanos ? Math.floor(fraction / 1000) : fraction);
    onPacket({ at: micros, link, octets: b.subarray(PCAP_RECORD, PCAP_RECORD + length) });
    return PCAP_RECORD + length;
  };
}

function pcapng(onPacket: (packet: Packet) => void): Step {
  let little = false;
  let interfaces: Interface[] = [];
  const u16 = (b: Buffer, o: number): number => (little ? b.readUInt16LE(o) : b.readUInt16BE(o));
  const u32 = (b: Buffer, o: number): number => (little ? b.readUInt32LE(o) : b.readUInt32BE(o));

  const packet = (
    body: Buffer,
    at: number,
    id: number,
    high: number,
    low: number,
    from: number,
    size: number,
  ): void => {
    const source = interfaces[id];
    if (source === undefined)
      throw new CaptureFault(`a packet of interface ${id}, which the file does not declare`, at);
    if (from + size > body.length) throw new CaptureFault(`a packet of ${size} octets in a shorter block`, at);
    const units = (BigInt(high) << 32n) | BigInt(low);
    const time = Number((units * 1_000_000n) / source.perSecond + source.offset * 1_000_000n);
    onPacket({ at: time, link: source.link, octets: body.subarray(from, from + size) });
  };

  const declare = (body: Buffer): Interface => {
    let perSecond = 1_000_000n;
    let offset = 0n;
    for (let o = 8; o + 4 <= body.length; ) {
      const code = u16(body, o);
      const length = u16(body, o + 2);
      if (code === 0 || o + 4 + length > body.length) break;
      if (code === OPTION_RESOLUTION && length >= 1) {
        const resolution = body[o + 4]!;
        perSecond = (resolution & 0x80) === 0 ? 10n ** BigInt(resolution) : 1n << BigInt(resolution & 0x7f);
      } else if (code === OPTION_OFFSET && length >= 8) {
        offset = little ? body.readBigInt64LE(o + 4) : body.readBigInt64BE(o + 4);
      }
      o += 4 + length + (-length & 3);
    }
    return { link: u16(body, 0), snap: u32(body, 4), perSecond, offset };
  };

  return (b, at) => {
    if (b.length < 12) return 0;
    // A section may have another byte order than the one before it; its type reads the same in both.
    if (b.readUInt32BE(0) === SECTION) {
      if (b.readUInt32LE(8) === BYTE_ORDER) little = true;
      else if (b.readUInt32BE(8) === BYTE_ORDER) little = false;
      else throw new CaptureFault('a section of unknown byte order', at + 8);
      interfaces = [];
    }
    const type = u32(b, 0);
    const length = u32(b, 4);
    if (length < 12 || length % 4 !== 0 || length > RECORD_MAX) {
      throw new CaptureFault(`a block of ${length} octets cannot be`, at + 4);
    }
    if (b.length < length) return 0;
    if (u32(b, length - 4) !== length) throw new CaptureFault('the two lengths of a block differ', at + length - 4);
    const body = b.subarray(8, length - 4);
    const least = type === INTERFACE ? 8 : type === SIMPLE_PACKET ? 4 : 20;
    const known = type === INTERFACE || type === SIMPLE_PACKET || type === OLD_PACKET || type === ENHANCED_PACKET;
    if (known && body.length < least) throw new CaptureFault('a block too short for its kind', at);
    if (type === INTERFACE) interfaces.push(declare(body));
    else if (type === ENHANCED_PACKET) packet(body, at, u32(body, 0), u32(body, 4), u32(body, 8), 20, u32(body, 12));
    else if (type === OLD_PACKET) packet(body, at, u16(body, 0), u32(body, 4), u32(body, 8), 20, u32(body, 12));
    else if (type === SIMPLE_PACKET) {
      const snap = interfaces[0]?.snap ?? 0;
      const size = Math.min(u32(body, 0), body.length - 4, snap === 0 ? RECORD_MAX : snap);
      packet(body, at, 0, 0, 0, 4, size);
    }
    return length;
  };
}
