import { readFileSync } from 'node:fs';
import smpp from 'smpp';
import { afterEach, describe, expect, test } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import { OCTET_ACCOUNT, type OctetClient, octetClient } from './support/octet-clients.ts';

// What carriers write otherwise than specified, read off the wire at the offsets of the specifications.

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function lab(
  options: Omit<CarrierOptions, 'accounts'>,
  protocol: Parameters<typeof octetClient>[1],
): Promise<{ carrier: Carrier; client: OctetClient }> {
  const carrier = await startCarrier({ accounts: [OCTET_ACCOUNT], ...options });
  stops.push(() => carrier.stop());
  const client = await octetClient(carrier.port, protocol);
  stops.push(client.close);
  return { carrier, client };
}

/** The names of a scenario's rules, in order, with the last two digits that choose them. */
function formsIn(scenario: string): [digits: string, form: string][] {
  const file = readFileSync(new URL(`../simulators/scenarios/${scenario}.yaml`, import.meta.url), 'utf8');
  return [...file.matchAll(/name: ([\w-]+), when: \{ number: '\*(\d\d)'/g)].map((m) => [m[2]!, m[1]!]);
}

/** The report of each form, with the id that its submit was given. */
async function reportsOf(client: OctetClient, scenario: string, prefix = '138000000') {
  const found: Record<string, { report: Buffer; id: string }> = {};
  let n = 0;
  for (const [digits, form] of [['99', 'plain'] as const, ...formsIn(scenario)]) {
    const { code, id } = await client.submit(prefix + digits);
    expect(code).toBe(0);
    found[form] = { report: (await client.reported(++n))[n - 1]!, id };
  }
  return (form: string) => found[form]!;
}

const latin = (b: Buffer, at: number, width: number): string => b.toString('latin1', at, at + width);

describe.each([
  ['2.0', 'cmpp20', 21, 8],
  ['3.0', 'cmpp30', 32, 20],
] as const)('CMPP %s', (version, tongue, wide, tail) => {
  const is30 = version === '3.0';
  // Header, Msg_Id, Dest_Id, Service_Id, three octets, Src_terminal_Id, its type in 3.0, Registered_Delivery.
  const lengthAt = 12 + 8 + 21 + 10 + 3 + wide + (is30 ? 1 : 0) + 1;
  const at = lengthAt + 1;
  const plain = at + 39 + wide + tail;

  test('scenario deviant-reports-cmpp: each layout is on the wire (deviations 1, 2, 3, 6, 7, 9, 16)', async () => {
    const { client } = await lab({ protocol: 'cmpp', version, scenario: 'deviant-reports-cmpp' }, tongue);
    const of = await reportsOf(client, 'deviant-reports-cmpp');
    const sizes = (form: string) => [of(form).report.length, of(form).report[lengthAt]];
    expect(sizes('plain')).toEqual([plain, 39 + wide]);
    expect(latin(of('plain').report, at + 8, 7)).toBe('DELIVRD');
    expect(of('plain').report.toString('hex', at, at + 8)).toBe(of('plain').id);

    expect(sizes('short')).toEqual([at + 60 + tail, 60]);
    expect(sizes('long')).toEqual([at + 71 + tail, 71]);
    expect(sizes('lying-length')).toEqual([at + 71 + tail, 60]);
    expect(sizes('no-tail')).toEqual([plain - tail, 39 + wide]);
    expect(sizes('half-tail')).toEqual([plain - tail / 2, 39 + wide]);
    expect(latin(of('sp-number').report, at + 35, wide)).toBe('10690000'.padEnd(wide, '\0'));
    expect(latin(of('filled-source').report, 54, wide)).toBe('13800000007'.repeat(3).slice(0, wide));
    expect(latin(of('junk-dates').report, at + 15, 20)).toBe('00010100000001010000');
    expect(latin(of('no-dates').report, at + 15, 20)).toBe('\0'.repeat(20));
    expect(latin(of('blanks').report, 20, 21)).toBe('10690000'.padEnd(21));
    expect(latin(of('blanks').report, at + 35, wide)).toBe('13800000010'.padEnd(wide));
    expect(latin(of('leftovers').report, 20, 21)).toBe('10690000\0'.padEnd(21, '7'));
    expect(latin(of('leftovers').report, at + 35, wide)).toBe('13800000011\0'.padEnd(wide, '7'));
    const { report, id } = of('reversed-id');
    expect(
      Buffer.from(report.subarray(at, at + 8))
        .reverse()
        .toString('hex'),
    ).toBe(id);
    const swapped = of('swapped-id');
    expect(swapped.report.toString('hex', at + 4, at + 8) + swapped.report.toString('hex', at, at + 4)).toBe(
      swapped.id,
    );
    // Each frame is as long as its header says: the client cut them by that.
    expect(client.reports).toHaveLength(14);
  });

  test('scenario odd-answers: ACTIVE_TEST_RESP of 12 octets (CMPP deviation 4)', async () => {
    const { client } = await lab({ protocol: 'cmpp', version, scenario: 'odd-answers' }, tongue);
    client.write(Buffer.from('0000000c0000000800000077', 'hex'));
    expect((await client.frame(0x80000008)).toString('hex')).toBe('0000000c8000000800000077');
  });
});

test('answers of CMPP: CANCEL_RESP of four octets in 2.0, and AuthenticatorISMG in four ways (deviations 11, 13)', async () => {
  const proofs = new Set<string>();
  for (const cmpp of ['plain', 'wide-proof', 'digit-proof', 'no-proof', 'long-cancel'] as const) {
    const { client } = await lab({ protocol: 'cmpp', behaviour: { answerForm: { cmpp } } }, 'cmpp20');
    proofs.add((await client.frame(0x80000001)).toString('hex', 13, 29));
    client.write(Buffer.from('0000001400000007000000780000000000000000', 'hex'));
    const size = cmpp === 'long-cancel' ? 16 : 13;
    expect((await client.frame(0x80000007)).length).toBe(size);
  }
  expect(proofs.size).toBe(4);
  expect(proofs).toContain('0'.repeat(32));
});

describe('SGIP', () => {
  const behaviour = { duplex: true };

  test('scenario deviant-reports-sgip: each layout is on the wire', async () => {
    const { client } = await lab({ protocol: 'sgip', scenario: 'deviant-reports-sgip', behaviour }, 'sgip');
    const of = await reportsOf(client, 'deviant-reports-sgip', '86138000000');
    const state = (form: string) => [...of(form).report.subarray(54, 56)];
    for (const form of ['plain', 'no-reserve', 'long', 'sent-with-code', 'failed-without-code']) {
      expect(of(form).report.toString('hex', 20, 32)).toBe(of(form).id);
    }
    expect([of('plain').report.length, ...state('plain')]).toEqual([64, 0, 0]);
    expect(of('no-reserve').report.length).toBe(56);
    expect(of('long').report.length).toBe(72);
    expect(state('sent-with-code')).toEqual([0, 88]);
    expect(state('failed-without-code')).toEqual([2, 0]);
  });

  test('scenario odd-answers: Submit_Resp without Reserve (SGIP deviation 8)', async () => {
    const { client } = await lab({ protocol: 'sgip', scenario: 'odd-answers', behaviour }, 'sgip');
    const { frame, code } = await client.submit('8613800000001');
    expect([frame.length, code]).toEqual([21, 0]);
    const refused = await client.submit('8613800000000');
    expect([refused.frame.length, refused.code]).toEqual([21, 32]);
  });

  test('an answer of 37 octets; a NodeId of 0 and a timestamp that is no date (deviations 1, 8)', async () => {
    const odd = { ...behaviour, answerForm: { sgip: 'long' as const }, idLayout: { sgip: 'zero-node' as const } };
    const { carrier, client } = await lab({ protocol: 'sgip', behaviour: odd }, 'sgip');
    expect((await client.submit('8613800000001')).frame.length).toBe(37);
    expect((await client.reported(1))[0]!.readUInt32BE(8)).toBe(0);
    carrier.change({ idLayout: { sgip: 'no-date' } });
    await client.submit('8613800000001');
    expect((await client.reported(2))[1]!.readUInt32BE(12)).toBe(1_399_000_000);
  });
});

describe('SMGP', () => {
  // Header, MsgID, IsReport, MsgFormat, RecvTime, two numbers; then the length and the content.
  const lengthAt = 12 + 10 + 1 + 1 + 14 + 21 + 21;
  const contentOf = (frame: Buffer): Buffer => {
    expect(frame[22]).toBe(1);
    const content = frame.subarray(lengthAt + 1, lengthAt + 1 + frame[lengthAt]!);
    expect(frame.length).toBe(lengthAt + 1 + content.length + 8);
    return content;
  };

  test('scenario deviant-reports-smgp: each layout is on the wire (deviations 1, 2, 10)', async () => {
    const { client } = await lab({ protocol: 'smgp', scenario: 'deviant-reports-smgp' }, 'smgp');
    const of = await reportsOf(client, 'deviant-reports-smgp');
    const content = (form: string) => contentOf(of(form).report);
    const behindId = (form: string) =>
      content(form)
        .toString('latin1', 13)
        .replace(/\d{10}/g, 'YYMMDDhhmm');
    for (const form of ['plain', 'capitals', 'joined', 's-separators', 'gbk-text']) {
      expect(content(form).toString('hex', 3, 13)).toBe(of(form).id);
    }
    const values = ' stat:DELIVRD err:000';
    expect(behindId('plain')).toBe(
      ` sub:001 dlvrd:001 submit date:YYMMDDhhmm done date:YYMMDDhhmm${values} text:000${'\0'.repeat(17)}`,
    );
    expect(content('plain').length).toBe(122);
    expect(behindId('capitals')).toBe(
      ` sub:001 dlvrd:001 Submit date:YYMMDDhhmm done date:YYMMDDhhmm${values} Text:${'\0'.repeat(20)}`,
    );
    expect(behindId('capital-text')).toContain(' submit date:YYMMDDhhmm');
    expect(behindId('capital-text')).toContain(' Text:fillfillfillfillfill');
    expect(behindId('underscores')).toBe(
      ` sub:001 dlvrd:001 submit_date:YYMMDDhhmm done_date:YYMMDDhhmm${values} text:`,
    );
    expect(content('underscores').length).toBe(102);
    expect(behindId('joined')).toMatch(
      /^sub:001 dlvrd:001 submit_date:YYMMDDhhmm done_date:YYMMDDhhmm stat:DELIVRD err:000 txt:\xd6\xd0\xb9\xfa.{6}$/s,
    );
    expect(content('joined').length).toBe(110);
    expect(behindId('s-separators')).toBe(
      'sSub:001sDlvrd:001sSubmit_Date:YYMMDDhhmmsDone_Date:YYMMDDhhmmsStat:DELIVRDsErr:000sText:fillfillfillfillfill',
    );
    expect(content('hex-id').toString('latin1', 3, 28)).toBe(`${of('hex-id').id} sub:`);
    expect(content('gbk-text').toString('hex', 102, 106)).toBe('d6d0b9fa');
    expect(content('ucs2-text').toString('hex', 102, 106)).toBe('4e2d56fd');
    expect(behindId('no-labels')).toBe(` submit date:YYMMDDhhmm done date:YYMMDDhhmm${values}`);
  });

  test('scenario odd-answers: Active_Test_Resp that does not echo its sequence (SMGP deviation 9)', async () => {
    const { client } = await lab({ protocol: 'smgp', scenario: 'odd-answers' }, 'smgp');
    client.write(Buffer.from('0000000c0000000400000077', 'hex'));
    expect((await client.frame(0x80000004)).toString('hex')).toBe('0000000c8000000400000000');
  });

  test('MsgIDs that are not BCD (deviation 2)', async () => {
    const { carrier, client } = await lab({ protocol: 'smgp', behaviour: { ids: { start: 7 } } }, 'smgp');
    expect((await client.submit('13800000001')).id).toMatch(/^010061\d{8}000007$/);
    carrier.change({ idLayout: { smgp: 'binary' }, reports: { probability: 0 } });
    expect((await client.submit('13800000001')).id).toMatch(/^00274d\d{8}00000[89]$/);
    carrier.change({ idLayout: { smgp: 'long-time' } });
    expect((await client.submit('13800000001')).id).toMatch(/^100061\d{10}00(09|10)$/);
    carrier.change({ idLayout: { smgp: 'seconds' } });
    const { id } = await client.submit('13800000001');
    expect(Math.abs(Number.parseInt(id.slice(0, 8), 16) - Date.now() / 1000)).toBeLessThan(3600);
    expect(id.slice(8)).toMatch(/^00274d00000[ab]$/);
  });
});

/** A receipt taken apart by 3.4, 4.6.1 and 4.7.1. */
function receiptOf(frame: Buffer) {
  const isData = frame.readUInt32BE(4) === 0x103;
  let o = 16;
  const cString = (): string => {
    const end = frame.indexOf(0, o);
    const value = frame.toString('latin1', o, end);
    o = end + 1;
    return value;
  };
  const octet = (): number => frame[o++]!;
  cString();
  o += 2;
  const source = cString();
  o += 2;
  const destination = cString();
  const esmClass = octet();
  if (!isData) {
    o += 2;
    cString();
    cString();
  }
  octet();
  if (!isData) octet();
  const dataCoding = octet();
  let text: Buffer = Buffer.alloc(0);
  if (!isData) {
    octet();
    const length = octet();
    text = frame.subarray(o, o + length);
    o += length;
  }
  const tlvs = new Map<number, Buffer>();
  let overrun = 0;
  while (o + 4 <= frame.length) {
    const length = frame.readUInt16BE(o + 2);
    const value = frame.subarray(o + 4, o + 4 + length);
    overrun = length - value.length;
    tlvs.set(frame.readUInt16BE(o), value);
    o += 4 + value.length;
  }
  return { source, destination, esmClass, dataCoding, text, tlvs, overrun, isData };
}

describe('SMPP', () => {
  test('scenario deviant-reports-smpp: each layout is on the wire (quirks 16 to 31, 41, 54 to 57)', async () => {
    const { client } = await lab({ protocol: 'smpp', scenario: 'deviant-reports-smpp' }, 'smpp');
    const of = await reportsOf(client, 'deviant-reports-smpp');
    const seen = (form: string) => {
      const { report, id } = of(form);
      return { ...receiptOf(report), id: Buffer.from(id, 'hex').toString('latin1').replace('\0', '') };
    };
    const text = (form: string) => {
      const { text, id } = seen(form);
      return text
        .toString('latin1')
        .replaceAll(id, 'ID')
        .replace(/\d{10}/g, 'YYMMDDhhmm');
    };
    const usual = 'id:ID sub:001 dlvrd:001 submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DELIVRD err:000 text:';
    const shown = 'Your code is 493201';
    const ids = (form: string) => seen(form).tlvs.get(0x1e)?.toString('latin1');
    const state = (form: string) => seen(form).tlvs.get(0x427)?.toString('hex');

    expect(text('plain')).toBe(usual);
    expect([seen('plain').esmClass, ids('plain'), state('plain')]).toEqual([4, `${seen('plain').id}\0`, '02']);
    expect([seen('plain').source, seen('plain').destination]).toEqual(['13800000099', '10690000']);

    expect([text('no-text'), ids('no-text')]).toEqual(['', `${seen('no-text').id}\0`]);
    expect([text('no-tlvs'), seen('no-tlvs').tlvs.size, seen('no-tlvs').esmClass]).toEqual([usual + shown, 0, 4]);
    expect([text('as-mo'), seen('as-mo').tlvs.size, seen('as-mo').esmClass]).toEqual([usual + shown, 0, 0]);
    expect(seen('udhi-bit').esmClass).toBe(0x44);
    expect(seen('reply-path').esmClass).toBe(0xc4);
    expect(seen('intermediate-bit').esmClass).toBe(0x24);
    expect([seen('data-sm').isData, seen('data-sm').tlvs.get(0x424)?.toString('latin1', 0, 3)]).toEqual([true, 'id:']);
    expect([text('payload'), seen('payload').tlvs.get(0x424)?.toString('latin1', 0, 3)]).toEqual(['', 'id:']);
    expect([seen('ucs2').dataCoding, seen('ucs2').text.toString('latin1', 0, 6)]).toEqual([8, '\0i\0d\0:']);
    expect([seen('ucs2-in-name').dataCoding, text('ucs2-in-name')]).toEqual([8, usual + shown]);
    const same = seen('same-direction');
    expect([same.source, same.destination]).toEqual(['10690000', expect.stringMatching(/^138/)]);

    expect(text('bare')).toBe('id:ID stat:DELIVRD');
    expect(text('no-id')).toMatch(/^sub:001 /);
    expect(text('no-dates')).toBe(`id:ID sub:001 dlvrd:001 stat:DELIVRD err:000 text:${shown}`);
    expect(text('no-err')).not.toContain('err:');
    expect(text('other-order')).toMatch(/^stat:DELIVRD err:000 done date:.* id:ID$/);
    expect(text('capitals')).toMatch(/^ID:ID Sub:001 Dlvrd:001 Submit Date:.* Stat:DELIVRD Err:000 Text:/);
    expect(text('equals')).toMatch(/^id=ID,sub=001,dlvrd=001,submit date=.*,stat=DELIVRD,err=000,text=/);
    expect(text('blank-after-colon')).toMatch(/^id: ID sub: 001 .* stat: DELIVRD err: 000 text: /);
    expect(text('lower-case')).toContain(' stat:delivrd ');
    expect(text('long-text')).toMatch(/\r\nid:YYMMDDhhmm stat:UNDELIV err:999\r\n/);
    expect(text('trailing-nul')).toBe(`${usual}${shown}\0\0`);

    const date = (form: string) => /submit date:(\S+)/.exec(seen(form).text.toString('latin1'))?.[1];
    expect(date('seconds')).toMatch(/^\d{12}$/);
    expect(date('four-digit-year')).toMatch(/^20\d{10}$/);
    expect(date('zone')).toMatch(/^\d{13}\d\d[+-]$/);
    expect(date('zero-dates')).toBe('0000000000');

    expect([state('contradiction'), text('contradiction')]).toEqual(['01', usual + shown]);
    expect(seen('network-error').tlvs.get(0x423)?.toString('hex')).toBe('030000');
    expect(seen('ascii-network-error').tlvs.get(0x423)?.toString('latin1')).toBe('000');
    expect(seen('short-network-error').tlvs.get(0x423)?.toString('hex')).toBe('0000');
    expect(state('wide-state')).toBe('00000002');
    expect(ids('no-nul')).toBe(seen('no-nul').id);
    expect(seen('overrun').overrun).toBe(60);
    expect(ids('overrun')).toBe(`${seen('overrun').id}\0`);
    expect([...seen('vendor-tlvs').tlvs.keys()]).toEqual([0x1403, 0x1e, 0x2b, 0x427, 0x60d]);
    // Every data_sm and deliver_sm was answered, and none came again.
    expect(client.reports).toHaveLength(35);
  });

  test('scenario odd-answers: an id without its NUL, a refusal with a body (quirks 54, 64)', async () => {
    const { carrier, client } = await lab({ protocol: 'smpp', scenario: 'odd-answers' }, 'smpp');
    const good = await client.submit('13800000001');
    expect(good.code).toBe(0);
    expect(good.frame.toString('latin1', 16)).toMatch(/^\d{16}$/);
    const refused = await client.submit('13800000000');
    expect([refused.code, refused.id]).toEqual([0x45, '00']);
    carrier.change({ answerForm: { smpp: 'empty-id' } });
    expect((await client.submit('13800000001')).id).toBe('00');
    carrier.change({ answerForm: { smpp: 'no-body' } });
    expect((await client.submit('13800000001')).frame.length).toBe(16);
    carrier.change({ answerForm: { smpp: 'vendor-tlv' } });
    expect((await client.submit('13800000001')).id).toMatch(/00140300053436303030$/);
  });
});

test('the smpp package takes the layouts that a strict reader can take', async () => {
  smpp.PDU.maxLength = 70_000;
  const { client } = await lab({ protocol: 'smpp', scenario: 'deviant-reports-smpp' }, 'smpp');
  const of = await reportsOf(client, 'deviant-reports-smpp');
  for (const form of ['plain', 'no-text', 'no-tlvs', 'data-sm', 'payload', 'zone', 'contradiction', 'wide-state']) {
    const pdu = smpp.PDU.fromBuffer(of(form).report);
    expect(pdu).not.toBe(false);
    expect((pdu as smpp.PDU).command).toBe(form === 'data-sm' ? 'data_sm' : 'deliver_sm');
  }
});
