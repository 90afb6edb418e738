import { parseAddress } from '../base/address.ts';

/** What a PROXY header says: who really connected. `undefined` source: the proxy itself (health check). */
export type ProxyHeader =
  | {
      readonly kind: 'header';
      readonly octets: number;
      readonly source?: { readonly address: string; readonly port: number };
    }
  /** More octets are needed. */
  | { readonly kind: 'partial' }
  | { readonly kind: 'fault'; readonly reason: string };

/** HAProxy's PROXY protocol, 2.1: a v1 line has at most 107 octets with its CRLF. */
const V1_MAX = 107;
const V1 = Buffer.from('PROXY ', 'latin1');
/** 2.2: the signature of v2. */
const V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEADER = 16;
/** Addresses and TLVs behind a v2 header: more than any proxy sends. */
const V2_MAX = 2048;

const fault = (reason: string): ProxyHeader => ({ kind: 'fault', reason });

/** Reads the PROXY header that `b` begins with, version 1 or 2. Pure; call again with more octets while `partial`. */
export function parseProxyHeader(b: Buffer): ProxyHeader {
  if (startsAs(b, V2)) return b.length < V2_HEADER ? { kind: 'partial' } : parseV2(b);
  if (startsAs(b, V1)) return parseV1(b);
  return fault('no PROXY header');
}

/** Whether `b` is the signature, or could become it. */
function startsAs(b: Buffer, signature: Buffer): boolean {
  const n = Math.min(b.length, signature.length);
  return n > 0 && b.compare(signature, 0, n, 0, n) === 0;
}

function parseV1(b: Buffer): ProxyHeader {
  const end = b.subarray(0, V1_MAX).indexOf('\r\n', 0, 'latin1');
  if (end < 0) return b.length < V1_MAX ? { kind: 'partial' } : fault('v1: no end of line within 107 octets');
  const octets = end + 2;
  const [, family, source, destination, sourcePort, destinationPort, ...more] = b.toString('latin1', 0, end).split(' ');
  // The rest of an UNKNOWN line is to be ignored (2.1).
  if (family === 'UNKNOWN') return { kind: 'header', octets };
  if (family !== 'TCP4' && family !== 'TCP6') return fault('v1: unknown family');
  // By their form: an IPv4-mapped address has a colon and is legal for TCP6.
  const isV6 = family === 'TCP6';
  const good = (text: string | undefined): text is string =>
    text !== undefined && text.includes(':') === isV6 && parseAddress(text) !== undefined;
  if (more.length > 0 || !good(source) || !good(destination)) return fault('v1: bad address');
  const port = portOf(sourcePort);
  if (port === undefined || portOf(destinationPort) === undefined) return fault('v1: bad port');
  return { kind: 'header', octets, source: { address: source, port } };
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0|[1-9][0-9]{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

function parseV2(b: Buffer): ProxyHeader {
  const version = b[12]! >>> 4;
  const command = b[12]! & 15;
  const family = b[13]!;
  const length = b.readUInt16BE(14);
  if (version !== 2) return fault('v2: unknown version');
  if (command > 1) return fault('v2: unknown command');
  if (length > V2_MAX) return fault('v2: too long');
  const octets = V2_HEADER + length;
  if (b.length < octets) return { kind: 'partial' };
  // LOCAL: the proxy's own connection; its addresses are to be ignored (2.2).
  if (command === 0) return { kind: 'header', octets };
  if (family === 0x11) {
    if (length < 12) return fault('v2: addresses cut short');
    return { kind: 'header', octets, source: { address: b.subarray(16, 20).join('.'), port: b.readUInt16BE(24) } };
  }
  if (family === 0x21) {
    if (length < 36) return fault('v2: addresses cut short');
    const words: string[] = [];
    for (let o = 16; o < 32; o += 2) words.push(b.readUInt16BE(o).toString(16));
    return { kind: 'header', octets, source: { address: compressV6(words), port: b.readUInt16BE(48) } };
  }
  // UNSPEC, datagrams, UNIX sockets: take the connection, ignore the address (2.2).
  return { kind: 'header', octets };
}

/** RFC 5952: the longest run of zero words becomes `::`. */
function compressV6(words: readonly string[]): string {
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < words.length; i++) {
    let n = 0;
    while (words[i + n] === '0') n++;
    if (n > bestLength) {
      best = i;
      bestLength = n;
    }
  }
  if (best < 0) return words.join(':');
  return `${words.slice(0, best).join(':')}::${words.slice(best + bestLength).join(':')}`;
}
