import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Conversation } from '../src/capture/conversation.ts';
import { type CapturedPdu, createDissector, type PortUse } from '../src/capture/dissect.ts';
import { CaptureFault, createCaptureReader, type Packet } from '../src/capture/file.ts';
import { readSegment } from '../src/capture/packet.ts';
import { createPcapWriter } from '../src/capture/pcap-writer.ts';
import { WIRE_NAMES, WIRES } from '../src/cli/wires.ts';

// The files were written by dumpcap and editcap while two scripts replayed published frames over real sockets.
const file = (name: string): Buffer => readFileSync(`test/vectors/capture/${name}`);

interface Seen {
  readonly pdus: CapturedPdu[];
  readonly troubles: string[];
  readonly useless: ReadonlyMap<string, number>;
  readonly fault: CaptureFault | undefined;
}

function dissect(octets: Buffer, ports?: ReadonlyMap<number, PortUse>, piece = octets.length): Seen {
  const pdus: CapturedPdu[] = [];
  const troubles: string[] = [];
  const dissector = createDissector({
    wires: WIRES,
    ports,
    onPdu: (pdu) => pdus.push(pdu),
    onTrouble: (_: Conversation, sender, __, what) => troubles.push(`${sender}: ${what}`),
  });
  let fault: CaptureFault | undefined;
  try {
    for (let o = 0; o < octets.length; o += piece) dissector.push(octets.subarray(o, o + piece));
  } catch (error) {
    if (!(error instanceof CaptureFault)) throw error;
    fault = error;
  }
  try {
    dissector.end();
  } catch (error) {
    if (!(error instanceof CaptureFault)) throw error;
    fault ??= error;
  }
  return { pdus, troubles, useless: dissector.useless, fault };
}

const lines = (pdus: readonly CapturedPdu[]): string[] =>
  pdus.map((p) => {
    const d = p.description;
    return `${p.sender} ${p.version.toString(16)} ${d === undefined ? p.fault : `${d.command} ${p.wire.statusName(d, p.version)}`}`.trim();
  });

const CMPP_20 = [
  'client 20 CMPP_CONNECT',
  'client 20 CMPP_SUBMIT',
  'server 20 CMPP_SUBMIT_RESP OK',
  'client 20 CMPP_SUBMIT',
  'server 20 CMPP_SUBMIT_RESP FLOW_CONTROL',
  'server 20 CMPP_DELIVER',
  'client 20 CMPP_DELIVER_RESP OK',
  'server 20 CMPP_DELIVER',
  'client 20 CMPP_TERMINATE',
  'server 20 CMPP_TERMINATE_RESP',
];

/** Packets of a file, copied. */
function packetsOf(octets: Buffer): Packet[] {
  const packets: Packet[] = [];
  const reader = createCaptureReader((p) => packets.push({ ...p, octets: Buffer.from(p.octets) }));
  reader.push(octets);
  reader.end();
  return packets;
}

/** A classic file of big-endian order in microseconds. */
function bigEndianFile(link: number, packets: readonly { readonly at: number; readonly octets: Buffer }[]): Buffer {
  const head = Buffer.from('a1b2c3d4000200040000000000000000000400000000', 'hex');
  const parts: Buffer[] = [Buffer.concat([head, Buffer.from([0, 0])])];
  parts[0]!.writeUInt32BE(link, 20);
  for (const { at, octets } of packets) {
    const record = Buffer.alloc(16);
    record.writeUInt32BE(Math.floor(at / 1e6), 0);
    record.writeUInt32BE(at % 1e6, 4);
    record.writeUInt32BE(octets.length, 8);
    record.writeUInt32BE(octets.length, 12);
    parts.push(record, octets);
  }
  return Buffer.concat(parts);
}

/** A block of pcapng in big-endian order. */
function block(type: number, body: Buffer): Buffer {
  const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
  const b = Buffer.alloc(12 + padded.length);
  b.writeUInt32BE(type, 0);
  b.writeUInt32BE(b.length, 4);
  padded.copy(b, 8);
  b.writeUInt32BE(b.length, b.length - 4);
  return b;
}

describe('capture files', () => {
  it.each(['ethernet-cmpp20.pcapng', 'ethernet-cmpp20-nanos.pcap'])(
    '%s: frames, version from the bind, statuses',
    (name) => {
      const { pdus, troubles, fault } = dissect(file(name));
      expect({ fault, troubles }).toEqual({ fault: undefined, troubles: [] });
      expect(lines(pdus)).toEqual(CMPP_20);
      expect(new Date(pdus[0]!.at / 1000).toISOString()).toBe('2026-11-24T16:20:50.734Z');
      const [, submit, answer] = pdus;
      expect(answer!.exchange).toBe(submit!.exchange);
      expect(answer!.elapsed).toBe(answer!.at - submit!.at);
      expect(submit!.elapsed).toBeUndefined();
      expect(submit!.description!.fields.text).toBe('Hello CMPP 2.0, code 1234.');
    },
  );

  it('Linux cooked capture of IPv6', () => {
    const { pdus } = dissect(file('cooked-ipv6-cmpp30.pcap'));
    expect(pdus[0]!.conversation).toMatchObject({
      client: expect.stringMatching(/^\[::1\]:\d+$/),
      server: '[::1]:37891',
    });
    expect(lines(pdus)).toEqual([
      'client 30 CMPP_CONNECT',
      'server 30 CMPP_CONNECT_RESP OK',
      'client 30 CMPP_SUBMIT',
      'server 30 CMPP_SUBMIT_RESP OK',
      'client 30 CMPP_SUBMIT',
      'server 30 CMPP_SUBMIT_RESP RESULT_107',
      'server 30 CMPP_DELIVER',
    ]);
  });

  it('in pieces of any size', () => {
    for (const piece of [1, 7, 100])
      expect(lines(dissect(file('ethernet-cmpp20.pcapng'), undefined, piece).pdus)).toEqual(CMPP_20);
  });

  it('of the other byte order, pcap and pcapng, with every kind of packet block', () => {
    const packets = packetsOf(file('ethernet-cmpp20-nanos.pcap'));
    expect(lines(dissect(bigEndianFile(1, packets)).pdus)).toEqual(CMPP_20);
    const section = block(0x0a0d0d0a, Buffer.from('1a2b3c4d00010000ffffffffffffffff', 'hex'));
    const plain = block(1, Buffer.from('0001000000040000', 'hex'));
    const blocks = packets.map(({ octets }, k) => {
      const sizes = Buffer.alloc(8);
      sizes.writeUInt32BE(octets.length, 0);
      sizes.writeUInt32BE(octets.length, 4);
      if (k % 3 === 0) return block(6, Buffer.concat([Buffer.alloc(12), sizes, octets]));
      if (k % 3 === 1) return block(2, Buffer.concat([Buffer.alloc(12), sizes, octets]));
      return block(3, Buffer.concat([sizes.subarray(4), octets]));
    });
    expect(lines(dissect(Buffer.concat([section, plain, block(5, Buffer.alloc(12)), ...blocks])).pdus)).toEqual(
      CMPP_20,
    );
  });

  it('keeps the time of an interface with its own resolution and offset', () => {
    const section = block(0x0a0d0d0a, Buffer.from('1a2b3c4d00010000ffffffffffffffff', 'hex'));
    // if_tsresol 2^-10, if_tsoffset 1000 s.
    const own = block(
      1,
      Buffer.from('0001000000040000' + '000900018a000000' + '000e000800000000000003e8' + '00000000', 'hex'),
    );
    const packet = block(6, Buffer.from('00000000' + '00000000' + '00000600' + '00000000' + '00000000', 'hex'));
    expect(packetsOf(Buffer.concat([section, own, packet]))[0]!.at).toBe(1_001_500_000);
  });

  it.each([
    ['none', Buffer.from('hello, this is a text'), /neither pcap nor pcapng.* at octet 0/],
    ['an empty one', Buffer.alloc(0), /ends before its header does at octet 0/],
    ['a cut one', file('ethernet-cmpp20-nanos.pcap').subarray(0, 1000), /ends within a record .* at octet \d+/],
    ['an impossible packet', Buffer.concat([bigEndianFile(1, []), Buffer.alloc(16, 0x7f)]), /cannot be at octet 32/],
    [
      'a short block',
      Buffer.concat([
        block(0x0a0d0d0a, Buffer.from('1a2b3c4d00010000ffffffffffffffff', 'hex')),
        block(6, Buffer.alloc(4)),
      ]),
      /too short for its kind at octet 28/,
    ],
    [
      'an interface that is none',
      Buffer.concat([
        block(0x0a0d0d0a, Buffer.from('1a2b3c4d00010000ffffffffffffffff', 'hex')),
        block(6, Buffer.alloc(20)),
      ]),
      /interface 0.* at octet 28/,
    ],
    [
      'a block of another length at its end',
      Buffer.from('0a0d0d0a0000001c1a2b3c4d00010000ffffffffffffffff00000020', 'hex'),
      /differ at octet 24/,
    ],
  ])('%s is told with its offset', (_, octets, what) => {
    expect(dissect(octets).fault?.message).toMatch(what);
  });

  it('what came before the fault is shown', () => {
    const whole = file('ethernet-cmpp20-nanos.pcap');
    expect(lines(dissect(whole.subarray(0, whole.length - 40)).pdus).length).toBeGreaterThan(7);
  });

  it('survives any octets', () => {
    const good = [file('ethernet-cmpp20.pcapng'), file('cooked-ipv6-cmpp30.pcap')];
    fc.assert(
      fc.property(
        fc.constantFrom(...good),
        fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { minLength: 1, maxLength: 40 }),
        (octets, changes) => {
          const broken = Buffer.from(octets);
          for (const [at, to] of changes) broken[at % broken.length] = to;
          dissect(broken);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('link types', () => {
  const packets = packetsOf(file('ethernet-cmpp20-nanos.pcap'));
  const ip = packets.map(({ at, octets }) => ({ at, octets: octets.subarray(14) }));
  it.each([
    ['Ethernet with a VLAN tag', 1, '0000000000000000000000008100000a0800'],
    ['Ethernet with two', 1, '00000000000000000000000088a8000a810000140800'],
    ['Linux cooked v1', 113, '00000304000600000000000000000800'],
    ['Linux cooked v2', 276, '0800000000000001030400060000000000000000'],
    ['raw IP', 101, ''],
    ['raw IP of BSD', 12, ''],
    ['IPv4 alone', 228, ''],
    ['null of a little-endian host', 0, '02000000'],
    ['loopback', 108, '00000002'],
  ])('%s', (_, link, header) => {
    const wrapped = ip.map(({ at, octets }) => ({ at, octets: Buffer.concat([Buffer.from(header, 'hex'), octets]) }));
    expect(lines(dissect(bigEndianFile(link, wrapped)).pdus)).toEqual(CMPP_20);
  });

  it('says what it cannot use', () => {
    const udp = Buffer.from(ip[3]!.octets);
    udp[9] = 17;
    const part = Buffer.from(ip[3]!.octets);
    part[6] = 0x20;
    expect(readSegment(101, udp)).toBe('not TCP');
    expect(readSegment(101, part)).toBe('an IP fragment');
    expect(readSegment(147, udp)).toBe('another link type');
    expect(readSegment(1, Buffer.from(`${'00'.repeat(12)}0806`, 'hex'))).toBe('not IP');
    expect(readSegment(1, Buffer.alloc(9))).toBe('cut within its headers');
  });

  it('reads behind the headers of IPv6', () => {
    const v6 = packetsOf(file('cooked-ipv6-cmpp30.pcap'))
      .find((p) => p.octets.length > 120)!
      .octets.subarray(16);
    const plain = readSegment(101, v6);
    const extended = Buffer.concat([
      v6.subarray(0, 40),
      Buffer.from('3c00000000000000', 'hex'),
      Buffer.from('0600000000000000', 'hex'),
      v6.subarray(40),
    ]);
    extended.writeUInt16BE(v6.readUInt16BE(4) + 16, 4);
    extended[6] = 0;
    expect(readSegment(101, extended)).toEqual(plain);
  });

  it('takes the filling of a short packet for none of its octets', () => {
    const empty = packets.find((p) => typeof readSegment(1, p.octets) === 'object' && p.octets.length < 80)!.octets;
    expect(readSegment(1, Buffer.concat([empty, Buffer.alloc(6, 0xee)]))).toEqual(readSegment(1, empty));
  });
});

// Streams built by hand: where every segment goes is known.

interface Piece {
  readonly from: number;
  readonly to: number;
}

const frames = (
  JSON.parse(readFileSync('test/vectors/cmpp.json', 'utf8')) as {
    version: string;
    kind: string;
    hex: string;
    decoded: { command: string };
  }[]
)
  .filter((v) => v.version === '2.0' && v.kind === 'generated' && v.decoded.command === 'CMPP_SUBMIT')
  .map((v) => Buffer.from(v.hex, 'hex'));
const stream = Buffer.concat(frames);
const PORTS = new Map([[7890, { wire: WIRE_NAMES.get('cmpp2')!.wire, version: 0x20 }]]);

function tcp(sequence: number, flags: number, octets: Buffer, toServer = true, acknowledged = 0): Buffer {
  const b = Buffer.alloc(40);
  b[0] = 0x45;
  b.writeUInt16BE(40 + octets.length, 2);
  b[9] = 6;
  b.set(toServer ? [10, 0, 0, 1, 10, 0, 0, 2] : [10, 0, 0, 2, 10, 0, 0, 1], 12);
  b.writeUInt16BE(toServer ? 40_000 : 7890, 20);
  b.writeUInt16BE(toServer ? 7890 : 40_000, 22);
  b.writeUInt32BE(sequence >>> 0, 24);
  b.writeUInt32BE(acknowledged >>> 0, 28);
  b[32] = 0x50;
  b[33] = flags;
  return Buffer.concat([b, octets]);
}

function captureOf(initial: number, pieces: readonly Piece[], syn = true): Buffer {
  const packets = pieces.map(({ from, to }, k) => ({
    at: 1000 * (k + 1),
    octets: tcp(initial + 1 + from, 0x18, stream.subarray(from, to)),
  }));
  if (syn) packets.unshift({ at: 1, octets: tcp(initial, 0x02, Buffer.alloc(0)) });
  return bigEndianFile(101, packets);
}

/** The stream cut at these places. */
function cutAt(places: readonly number[]): Piece[] {
  const cuts = [...new Set([0, ...places.map((p) => p % stream.length), stream.length])].sort((a, b) => a - b);
  return cuts.slice(1).map((to, k) => ({ from: cuts[k]!, to }));
}

describe('TCP streams', () => {
  const cuts = fc.array(fc.nat(stream.length), { maxLength: 30 });
  const initial = fc.constantFrom(0, 1, 0xffffffff, 0xffffff00, 0x7fffffff, 0x80000000);

  it('any cut, any order, repeated and overlapping, over the wrap of the sequence numbers', () => {
    fc.assert(
      fc.property(cuts, cuts, initial, fc.infiniteStream(fc.nat(1000)), (first, second, isn, luck) => {
        const pieces = [...cutAt(first), ...cutAt(second)]
          .map((piece) => ({ piece, place: luck.next().value as number }))
          .sort((a, b) => a.place - b.place)
          .map(({ piece }) => piece);
        const { pdus, troubles } = dissect(captureOf(isn, pieces), PORTS);
        expect(troubles).toEqual([]);
        expect(pdus.map((p) => p.frame.toString('hex'))).toEqual(frames.map((f) => f.toString('hex')));
      }),
      { numRuns: 200 },
    );
  });

  it('missing segments are told, and reading goes on at the next frame', () => {
    fc.assert(
      fc.property(cuts, fc.nat(), initial, (places, which, isn) => {
        const pieces = cutAt([100, 500, 900, ...places]);
        const lost = pieces[which % (pieces.length - 1)]!;
        const { pdus, troubles } = dissect(
          captureOf(
            isn,
            pieces.filter((p) => p !== lost),
          ),
          PORTS,
        );
        let at = 0;
        const untouched = frames.filter((f) => {
          const from = at;
          at += f.length;
          return at <= lost.from || from >= lost.to;
        });
        expect(troubles[0]).toBe(`client: ${lost.to - lost.from} octets were not captured`);
        const known = new Set(frames.map((f) => f.toString('hex')));
        const read = pdus.map((p) => p.frame.toString('hex'));
        expect(read.filter((hex) => !known.has(hex))).toEqual([]);
        // The frame behind the hole is found at once where the lost one's length is known, else by its looks.
        expect(read.length).toBeGreaterThanOrEqual(untouched.length - 1);
      }),
      { numRuns: 200 },
    );
  });

  it('a capture that begins in mid-stream, in the middle of a frame', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: frames[0]!.length }), initial, (from, isn) => {
        const { pdus } = dissect(captureOf(isn, [{ from, to: stream.length }], false), PORTS);
        expect(pdus.map((p) => p.frame.toString('hex'))).toEqual(frames.slice(1).map((f) => f.toString('hex')));
      }),
    );
  });

  it('gives up a hole that the other side has acknowledged, without waiting for the end', () => {
    const first = frames[0]!.length;
    const pdus: CapturedPdu[] = [];
    const dissector = createDissector({
      wires: WIRES,
      ports: PORTS,
      onPdu: (p) => pdus.push(p),
      onTrouble: () => undefined,
    });
    dissector.push(
      bigEndianFile(101, [
        { at: 1, octets: tcp(99, 0x02, Buffer.alloc(0)) },
        { at: 2, octets: tcp(100 + first, 0x18, stream.subarray(first)) },
        { at: 3, octets: tcp(7, 0x10, Buffer.alloc(0), false, 100 + stream.length) },
      ]),
    );
    expect(pdus).toEqual([]);
    dissector.push(
      bigEndianFile(101, [{ at: 400_000, octets: tcp(7, 0x10, Buffer.alloc(0), false, 100 + stream.length) }]).subarray(
        24,
      ),
    );
    expect(pdus).toHaveLength(frames.length - 1);
  });

  it('octets beyond the snap length are a hole', () => {
    const cut = tcp(100, 0x18, stream).subarray(0, 40 + frames[0]!.length + 10);
    const { pdus, troubles } = dissect(
      bigEndianFile(101, [
        { at: 1, octets: tcp(99, 2, Buffer.alloc(0)) },
        { at: 2, octets: cut },
      ]),
      PORTS,
    );
    expect(pdus).toHaveLength(1);
    expect(troubles[0]).toBe(`client: ${stream.length - frames[0]!.length - 10} octets were not captured`);
  });

  it('the same two ports again are another connection', () => {
    const one = captureOf(5, cutAt([]));
    const two = captureOf(0x70000000, cutAt([])).subarray(24);
    expect(new Set(dissect(Buffer.concat([one, two]), PORTS).pdus.map((p) => p.conversation.number))).toEqual(
      new Set([1, 2]),
    );
  });

  it('two octets that are no frame are skipped and told', () => {
    const { pdus, troubles } = dissect(
      bigEndianFile(101, [
        { at: 1, octets: tcp(99, 2, Buffer.alloc(0)) },
        {
          at: 2,
          octets: tcp(
            100,
            0x18,
            Buffer.concat([frames[0]!, Buffer.from([0xff, 0xff, 0xff, 0xff, 1]), frames[1]!, frames[2]!]),
          ),
        },
      ]),
      PORTS,
    );
    expect(pdus).toHaveLength(3);
    expect(troubles).toEqual(['client: 5 octets skipped: no frame begins there']);
  });
});

describe('protocols', () => {
  it('only the ports given are read', () => {
    expect(dissect(file('ethernet-cmpp20.pcapng'), PORTS).pdus).toEqual([]);
  });

  it('another protocol is left alone', () => {
    const http = tcp(100, 0x18, Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
    http.writeUInt16BE(80, 22);
    expect(dissect(bigEndianFile(101, [{ at: 1, octets: http }]), undefined)).toMatchObject({ troubles: [] });
  });

  it.each(WIRES.map((wire) => [wire.name, wire] as const))('%s is told by its content', (name, wire) => {
    const list = JSON.parse(readFileSync(`test/vectors/${name}.json`, 'utf8')) as { kind: string; hex: string }[];
    const out: Buffer[] = [];
    const writer = createPcapWriter((b) => out.push(b));
    const connection = { client: { address: '10.0.0.1', port: 5000 }, server: { address: '10.0.0.2', port: 6000 } };
    const good = list.filter((v) => v.kind === 'generated').map((v) => Buffer.from(v.hex, 'hex'));
    for (const [k, frame] of good.entries()) {
      writer.octets(connection, frame[4]! < 0x80 ? 'client' : 'server', 1_700_000_000_000 + k, frame);
    }
    const { pdus } = dissect(Buffer.concat(out));
    expect(new Set(pdus.map((p) => p.wire))).toEqual(new Set([wire]));
    expect(pdus).toHaveLength(good.length);
  });
});
