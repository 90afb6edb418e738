import type { Sender } from './conversation.ts';

/** One end of a connection that is written. */
export interface Endpoint {
  /** IPv4 or IPv6; anything else is written as 127.0.0.1. */
  readonly address: string;
  readonly port: number;
}

/** A connection as the writer keeps it: hand the same one in for all its octets. */
export interface WrittenConnection {
  readonly client: Endpoint;
  readonly server: Endpoint;
}

export interface PcapWriter {
  /** Octets that one side sent. Several segments where they are too many for one. */
  octets(connection: WrittenConnection, sender: Sender, atMs: number, octets: Uint8Array): void;
}

const RAW_IP = 101;
const SEGMENT = 32_768;
const FLAG = { SYN: 0x02, ACK: 0x10, PSH: 0x18 } as const;

/** Writes what was said on connections as a pcap file, under IP and TCP headers that never were on a wire. */
export function createPcapWriter(write: (octets: Buffer) => void): PcapWriter {
  const header = Buffer.alloc(24);
  header.writeUInt32BE(0xa1b2c3d4, 0);
  header.writeUInt16BE(2, 4);
  header.writeUInt16BE(4, 6);
  header.writeUInt32BE(0x40000, 16);
  header.writeUInt32BE(RAW_IP, 20);
  write(header);

  const sequences = new WeakMap<WrittenConnection, Record<Sender, number>>();
  let connections = 0;

  const packet = (
    { client, server }: WrittenConnection,
    sender: Sender,
    atMs: number,
    flags: number,
    octets: Uint8Array,
    next: Record<Sender, number>,
  ): void => {
    const [from, to] = sender === 'client' ? [client, server] : [server, client];
    const acked = (flags & FLAG.ACK) === 0 ? 0 : next[sender === 'client' ? 'server' : 'client'];
    const ip = ipPacket(from, to, tcpHeader(from.port, to.port, next[sender], acked, flags), octets);
    const record = Buffer.alloc(16);
    record.writeUInt32BE(Math.floor(atMs / 1000), 0);
    record.writeUInt32BE(Math.floor((atMs % 1000) * 1000), 4);
    record.writeUInt32BE(ip.length, 8);
    record.writeUInt32BE(ip.length, 12);
    write(record);
    write(ip);
    const counted = octets.length + ((flags & FLAG.SYN) === 0 ? 0 : 1);
    next[sender] = (next[sender] + counted) >>> 0;
  };

  return {
    octets(connection, sender, atMs, octets) {
      let next = sequences.get(connection);
      if (next === undefined) {
        // Two connections of the same ports must not look like one.
        const initial = (++connections * 0x01000193) >>> 0;
        next = { client: initial, server: (initial ^ 0x5a5a5a5a) >>> 0 };
        sequences.set(connection, next);
        const none = new Uint8Array(0);
        packet(connection, 'client', atMs, FLAG.SYN, none, next);
        packet(connection, 'server', atMs, FLAG.SYN | FLAG.ACK, none, next);
        packet(connection, 'client', atMs, FLAG.ACK, none, next);
      }
      for (let o = 0; o < octets.length; o += SEGMENT) {
        packet(connection, sender, atMs, FLAG.PSH, octets.subarray(o, o + SEGMENT), next);
      }
    },
  };
}

function tcpHeader(from: number, to: number, sequence: number, acked: number, flags: number): Buffer {
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(from, 0);
  tcp.writeUInt16BE(to, 2);
  tcp.writeUInt32BE(sequence, 4);
  tcp.writeUInt32BE(acked, 8);
  tcp[12] = 0x50;
  tcp[13] = flags;
  tcp.writeUInt16BE(0xffff, 14);
  return tcp;
}

function ipPacket(from: Endpoint, to: Endpoint, tcp: Buffer, octets: Uint8Array): Buffer {
  const source = addressOctets(from.address);
  const destination = addressOctets(to.address);
  const length = tcp.length + octets.length;
  const wide = source.length === 16 && destination.length === 16;
  const ip = Buffer.alloc(wide ? 40 : 20);
  if (wide) {
    ip[0] = 0x60;
    ip.writeUInt16BE(length, 4);
    ip[6] = 6;
    ip[7] = 64;
    ip.set(source, 8);
    ip.set(destination, 24);
  } else {
    ip[0] = 0x45;
    ip.writeUInt16BE(20 + length, 2);
    ip[6] = 0x40;
    ip[8] = 64;
    ip[9] = 6;
    ip.set(source.length === 4 ? source : LOOPBACK, 12);
    ip.set(destination.length === 4 ? destination : LOOPBACK, 16);
    ip.writeUInt16BE(checksum(sum(ip)), 10);
  }
  const pseudo = sum(ip.subarray(wide ? 8 : 12)) + 6 + length;
  tcp.writeUInt16BE(checksum(pseudo + sum(tcp) + sum(octets)), 16);
  return Buffer.concat([ip, tcp, octets]);
}

const LOOPBACK = [127, 0, 0, 1];

function addressOctets(address: string): number[] {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(address)) return address.split('.').map(Number);
  if (!address.includes(':')) return LOOPBACK;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::', 2);
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((g) => Number.parseInt(g, 16) || 0);
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const middle = new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0);
  return [...before, ...middle, ...after].slice(0, 8).flatMap((g) => [(g >> 8) & 0xff, g & 0xff]);
}

function sum(octets: Uint8Array): number {
  let n = 0;
  for (let i = 0; i < octets.length; i += 2) n += (octets[i]! << 8) | (octets[i + 1] ?? 0);
  return n;
}

function checksum(n: number): number {
  let folded = n;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}
