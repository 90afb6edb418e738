import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { authenticatorSource, verifySource } from '../protocols/cmpp/auth.ts';
import { FRAME, HEADER, readHeader } from '../protocols/cmpp/header.ts';
import { addToMsgId, msgIdOf, msgIdParts } from '../protocols/cmpp/msg-id.ts';
import { readReport } from '../protocols/cmpp/report.ts';
import { CMPP_20, CMPP_21, CMPP_30, cmppCodec } from '../protocols/cmpp/tables.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import { createFramer } from '../protocols/wire/frame.ts';
import list from './vectors/cmpp.json' with { type: 'json' };

const vectors = list.map(({ name, version, hex }) => ({
  name,
  version: version === '3.0' ? CMPP_30 : CMPP_20,
  octets: Buffer.from(hex, 'hex'),
}));
const named = (name: string) => vectors.find((v) => v.name === name)!;

/** What a reader makes of a body: its value without views, or its fault's words; anything else that it throws goes on. */
function outcome(read: () => object): unknown {
  try {
    return Object.entries(read()).map(([key, field]) => [
      key,
      field instanceof Uint8Array ? Buffer.from(field).toString('hex') : field,
    ]);
  } catch (error) {
    if (error instanceof WireFault) return error.message;
    throw error;
  }
}

describe('a frame that ends early, in a buffer that goes on', () => {
  it.each(vectors)('$name: nothing behind its end is read, in any version', ({ octets }) => {
    const ones = Buffer.alloc(octets.length + 300, 0xff);
    const zeros = Buffer.alloc(octets.length + 300);
    for (const version of [CMPP_20, CMPP_21, CMPP_30]) {
      const plan = cmppCodec(version).byId.get(readHeader(octets, 0).commandId)!;
      for (let end = HEADER; end <= octets.length; end++) {
        for (const [b, rest] of [
          [ones, 0xff],
          [zeros, 0],
        ] as const) {
          b.fill(rest);
          octets.copy(b, 0, 0, end);
        }
        const one = outcome(() => plan.decode(ones, HEADER, end));
        expect(one).toEqual(outcome(() => plan.decode(zeros, HEADER, end)));
      }
    }
  });

  it('a SUBMIT is refused at every octet before its Reserve, so that nobody pays for a cut message', () => {
    for (const [name, tail] of [
      ['submit_20_two_recipients', 8],
      ['submit_30_three_recipients', 20],
    ] as const) {
      const { octets, version } = named(name);
      const { submit } = cmppCodec(version);
      const whole = submit.decode(octets, HEADER, octets.length);
      for (let end = HEADER; end < octets.length - tail; end++) {
        expect(() => submit.decode(octets, HEADER, end)).toThrow(WireFault);
      }
      for (let end = octets.length - tail; end <= octets.length; end++) {
        const { destTerminalId, msgContent } = submit.decode(octets, HEADER, end);
        expect([destTerminalId, msgContent]).toEqual([whole.destTerminalId, whole.msgContent]);
      }
    }
  });

  it('an answer is refused at every octet before its Result is whole', () => {
    for (const [name, result] of [
      ['submit_resp_20_ok', 1],
      ['submit_resp_30_ok', 4],
      ['deliver_resp_20_ok', 1],
      ['deliver_resp_30_other_error_9', 4],
      ['fwd_resp_20_ok', 1],
    ] as const) {
      const { octets, version } = named(name);
      const plan = cmppCodec(version).byId.get(readHeader(octets, 0).commandId)!;
      for (let end = HEADER; end <= octets.length - result; end++) {
        expect(() => plan.decode(octets, HEADER, end)).toThrow(WireFault);
      }
    }
  });
});

describe('a status report that is cut', () => {
  const { octets, version } = named('deliver_20_report_delivrd');
  const { deliver } = cmppCodec(version);
  const CONTENT = HEADER + 65;

  it('is taken as far as it goes, since asking for it again brings the same octets', () => {
    for (let size = 0; size < 60; size++) {
      const { msgContent } = deliver.decode(octets, HEADER, CONTENT + size);
      expect(Buffer.from(msgContent)).toEqual(octets.subarray(CONTENT, CONTENT + size));
    }
  });

  it('tells whose it is and its Stat from 15 octets on, and nothing from less', () => {
    const content = octets.subarray(CONTENT, CONTENT + 60);
    const whole = readReport(content)!;
    for (let size = 0; size < 15; size++) expect(readReport(content.subarray(0, size))).toBeUndefined();
    for (let size = 15; size <= 60; size++) {
      const { msgId, stat, submitTime } = readReport(content.subarray(0, size))!;
      expect([msgId, stat]).toEqual([whole.msgId, 'DELIVRD']);
      expect(submitTime).toBe(size < 25 ? '' : whole.submitTime);
    }
  });

  it('an MO that is cut is refused', () => {
    const { octets: mo, version } = named('deliver_20_mo_ascii');
    const length = mo[CONTENT - 1]!;
    const read = (end: number) => cmppCodec(version).deliver.decode(mo, HEADER, end);
    for (let size = 0; size < length; size++) expect(() => read(CONTENT + size)).toThrow(WireFault);
    expect(read(CONTENT + length).msgContent.length).toBe(length);
  });
});

describe('Msg_Id of further receivers', () => {
  it('stays eight octets where the sequence wraps', () => {
    const first = msgIdOf({ month: 3, day: 5, hour: 9, minute: 8, second: 7, gateway: 0x3fffff, sequence: 65535 });
    for (const k of [1, 2, 98]) {
      expect(addToMsgId(first, k)).toBe(msgIdOf({ ...msgIdParts(first), sequence: k - 1 }));
    }
  });
});

describe('the framer', () => {
  it('takes a frame of 4,096 octets', () => {
    let taken = 0;
    const framer = createFramer(FRAME, (_b, start, end) => {
      taken = end - start;
      return true;
    });
    const octets = Buffer.alloc(4096);
    octets.writeUInt32BE(4096);
    framer.push(octets);
    expect(taken).toBe(4096);
  });

  it('cuts all frames out of one stream that comes octet by octet', () => {
    const frames: string[] = [];
    const framer = createFramer(FRAME, (b, start, end) => {
      frames.push(b.toString('hex', start, end));
      return true;
    });
    const stream = Buffer.concat(vectors.map((v) => v.octets));
    for (let at = 0; at < stream.length; at++) framer.push(stream.subarray(at, at + 1));
    expect(frames).toEqual(vectors.map((v) => v.octets.toString('hex')));
  });

  it.each([
    [0, 'length-too-small'],
    [11, 'length-too-small'],
    [4097, 'length-too-large'],
    [0xffffffff, 'length-too-large'],
  ] as const)('refuses a Total_Length of %i at its fourth octet', (length, reason) => {
    const framer = createFramer(FRAME, () => true);
    const octets = Buffer.alloc(4);
    octets.writeUInt32BE(length);
    framer.push(octets.subarray(0, 3));
    expect(() => framer.push(octets.subarray(3))).toThrow(expect.objectContaining({ name: 'WireFault', reason }));
  });
});

describe('AuthenticatorSource', () => {
  const login = { sourceAddr: '9012', timestamp: 102030405 };
  const digest = (name: string): string =>
    createHash('md5').update(name).update(Buffer.alloc(9)).update('s3cr3tPw').update('0102030405').digest('binary');

  it('of a name shorter than its field is taken unpadded and padded', () => {
    for (const [name, taken] of [
      ['9012', true],
      ['9012\0\0', true],
      ['9012\0', false],
      ['9012  ', false],
    ] as const) {
      expect(verifySource({ ...login, authenticatorSource: digest(name) }, 's3cr3tPw')).toBe(taken);
    }
  });

  it('is the published one for the published login', () => {
    const octets = Buffer.from(authenticatorSource('900001', '888888', '1021080510'), 'latin1');
    expect(octets.toString('hex')).toBe('90d00c1d517abd0b4f65f6bcf8535d16');
  });
});
