/** One TCP segment, taken out of its packet. */
export interface Segment {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly sequence: number;
  /** Next octet expected from the other side; undefined where the ACK bit is not set. */
  readonly acknowledged: number | undefined;
  readonly syn: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  /** What was captured of its content: a view into the packet. */
  readonly octets: Buffer;
  /** Octets of its content that were sent but not captured (a snap length). */
  readonly cut: number;
}

/** Why a packet is of no use here. */
export type Useless = 'another link type' | 'not IP' | 'not TCP' | 'an IP fragment' | 'cut within its headers';

const ETHERNET = 1;
const NULL = 0;
const LOOP = 108;
const COOKED = 113;
const COOKED_2 = 276;
const RAW = [12, 14, 101, 228, 229];

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
/** 802.1Q, 802.1ad and what was used before it: a tag of 4 octets, and the type again. */
const TAGS = [0x8100, 0x88a8, 0x9100];
const TCP = 6;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
/** Hop-by-hop, routing, destination options: one octet of next header, one of length. */
const EXTENSIONS = [0, 43, 60];

/** Takes the TCP segment out of a packet, or says why there is none. Checksums are not looked at: network cards fill them in. */
export function readSegment(link: number, b: Buffer): Segment | Useless {
  const o = ipAt(link, b);
  if (typeof o !== 'number') return o;
  const version = b[o]! >> 4;
  if (version === 4) return readIpv4(b, o);
  return version === 6 ? readIpv6(b, o) : 'not IP';
}

function ipAt(link: number, b: Buffer): number | Useless {
  let type: number;
  let o: number;
  if (RAW.includes(link)) return b.length > 0 ? 0 : 'cut within its headers';
  if (link === NULL || link === LOOP) return b.length > 4 ? 4 : 'cut within its headers';
  if (link === ETHERNET) {
    if (b.length < 14) return 'cut within its headers';
    type = b.readUInt16BE(12);
    for (o = 14; TAGS.includes(type); o += 4) {
      if (b.length < o + 4) return 'cut within its headers';
      type = b.readUInt16BE(o + 2);
    }
  } else if (link === COOKED || link === COOKED_2) {
    o = link === COOKED ? 16 : 20;
    if (b.length < o) return 'cut within its headers';
    type = b.readUInt16BE(link === COOKED ? 14 : 0);
  } else return 'another link type';
  if (type !== IPV4 && type !== IPV6) return 'not IP';
  return b.length > o ? o : 'cut within its headers';
}

function readIpv4(b: Buffer, o: number): Segment | Useless {
  if (b.length < o + 20) return 'cut within its headers';
  const header = (b[o]! & 15) * 4;
  if (header < 20) return 'not IP';
  // Neither the first part of several nor a later one; the bit beside "more" says that there are none.
  if ((b.readUInt16BE(o + 6) & 0x3fff) !== 0) return 'an IP fragment';
  if (b[o + 9] !== TCP) return 'not TCP';
  // 0: the card cuts it (segmentation offload), and what was captured is all.
  const total = b.readUInt16BE(o + 2) || b.length - o;
  const address = (at: number): string => `${b[at]}.${b[at + 1]}.${b[at + 2]}.${b[at + 3]}`;
  return readTcp(b, o + header, o + total, address(o + 12), address(o + 16));
}

function readIpv6(b: Buffer, o: number): Segment | Useless {
  if (b.length < o + 40) return 'cut within its headers';
  const payload = b.readUInt16BE(o + 4);
  const end = payload === 0 ? b.length : o + 40 + payload;
  let next = b[o + 6]!;
  let at = o + 40;
  while (next !== TCP) {
    if (b.length < at + 8) return 'cut within its headers';
    if (EXTENSIONS.includes(next)) {
      next = b[at]!;
      at += (b[at + 1]! + 1) * 8;
    } else if (next === AUTHENTICATION) {
      next = b[at]!;
      at += (b[at + 1]! + 2) * 4;
    } else if (next === FRAGMENT) {
      if ((b.readUInt16BE(at + 2) & 0xfff9) !== 0) return 'an IP fragment';
      next = b[at]!;
      at += 8;
    } else return 'not TCP';
  }
  return readTcp(b, at, end, ipv6Text(b, o + 8), ipv6Text(b, o + 24));
}

function readTcp(b: Buffer, o: number, end: number, source: string, destination: string): Segment | Useless {
  if (b.length < o + 20) return 'cut within its headers';
  const header = (b[o + 12]! >> 4) * 4;
  if (header < 20 || o + header > end) return 'not TCP';
  const flags = b[o + 13]!;
  // Short packets are filled up on Ethernet: what follows the end is not theirs.
  const captured = Math.max(o + header, Math.min(end, b.length));
  return {
    source,
    sourcePort: b.readUInt16BE(o),
    destination,
    destinationPort: b.readUInt16BE(o + 2),
    sequence: b.readUInt32BE(o + 4),
    acknowledged: (flags & 0x10) === 0 ? undefined : b.readUInt32BE(o + 8),
    syn: (flags & 0x02) !== 0,
    fin: (flags & 0x01) !== 0,
    rst: (flags & 0x04) !== 0,
    octets: b.subarray(Math.min(o + header, b.length), captured),
    cut: end - captured,
  };
}

/** As RFC 5952 writes it: the longest run of two or more zero groups as `::`. */
function ipv6Text(b: Buffer, o: number): string {
  const groups = Array.from({ length: 8 }, (_, k) => b.readUInt16BE(o + 2 * k).toString(16));
  let from = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === '0') run++;
    if (run > length) {
      from = i;
      length = run;
    }
    i += run;
  }
  if (from < 0) return groups.join(':');
  return `${groups.slice(0, from).join(':')}::${groups.slice(from + length).join(':')}`;
}
