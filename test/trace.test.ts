import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createLoad } from '../simulators/platform.ts';
import { startAdmin } from '../src/admin/http.ts';
import { createMetrics } from '../src/admin/metrics.ts';
import { createDissector } from '../src/capture/dissect.ts';
import type { Node } from '../src/cli/serve.ts';
import { WIRES, WIRES_BY_NAME } from '../src/cli/wires.ts';
import { until } from './support/node.ts';
import { carrierUp, recordsOf, useRig } from './support/rig.ts';

const rig = useRig();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const answer = z.object({
  message: z.looseObject({ destination: z.string(), state: z.string().nullable() }).nullable(),
  tap: z.object({ from: z.string().nullable(), overwritten: z.boolean(), octets: z.number() }).nullable(),
  frames: z.array(
    z.object({
      at: z.string(),
      peer: z.string(),
      protocol: z.string(),
      direction: z.string(),
      command: z.string(),
      status: z.string(),
      exchange: z.number(),
      elapsedMs: z.number().nullable(),
      by: z.string(),
      fields: z.record(z.string(), z.unknown()),
    }),
  ),
});
type Answer = z.infer<typeof answer>;

async function adminOf(node: Node) {
  const admin = await startAdmin(node, {
    listen: { host: '127.0.0.1', port: 0 },
    registry: createMetrics(node),
    wires: WIRES_BY_NAME,
    reload: () => Promise.resolve({ problems: [], needsRestart: [] }),
  });
  closers.push(() => admin.close());
  const base = `http://127.0.0.1:${admin.address.port}`;
  return {
    async trace(id: string, query = ''): Promise<Answer> {
      const response = await fetch(`${base}/api/trace/${encodeURIComponent(id)}${query}`);
      return answer.parse(await response.json());
    },
    get: (path: string) => fetch(`${base}${path}`),
  };
}

const story = ({ frames }: Answer): string[] =>
  frames.map((f) => `${f.peer} ${f.direction} ${f.command}${f.status === '' ? '' : ` ${f.status}`}`);

const MT = [
  'acme in submit_sm',
  'acme out submit_sm_resp ESME_ROK',
  'cmpp2 out CMPP_SUBMIT',
  'cmpp2 in CMPP_SUBMIT_RESP OK',
  'cmpp2 in CMPP_DELIVER',
  'cmpp2 out CMPP_DELIVER_RESP OK',
  'acme out deliver_sm',
  'acme in deliver_sm_resp ESME_ROK',
];

describe('the trace of a message', () => {
  it('has every PDU of its life and no other, from submit to receipt', async () => {
    const carrier = await rig.sim({ protocol: 'cmpp' });
    const node = await rig.node({ carriers: [{ name: 'cmpp2', protocol: 'cmpp', port: carrier.port }] });
    const admin = await adminOf(node);
    await carrierUp(node, 'cmpp2');
    const platform = await rig.platform(node.port);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, k) =>
        platform.submit({ destination_addr: `138000000${10 + k}`, short_message: Buffer.from(`code ${k}`) }),
      ),
    );
    await platform.delivered(20);
    await until('the answers to the receipts', () => node.gw.accounts.get('acme')!.inFlight === 0);
    await recordsOf(node);
    for (const pdu of answers.slice(0, 3)) {
      const traced = await admin.trace(pdu.message_id);
      expect(story(traced).sort()).toEqual([...MT].sort());
      expect(traced.message?.state).toBe('DELIVERED');
      // Requests and answers belong together.
      const answered = traced.frames.filter((f) => f.elapsedMs !== null);
      expect(answered).toHaveLength(4);
      for (const f of answered) {
        const request = traced.frames.find((g) => g.exchange === f.exchange && g.elapsedMs === null)!;
        expect(Date.parse(f.at) - Date.parse(request.at)).toBe(f.elapsedMs);
        expect(request.command).toBe(f.command.replace(/_resp$/i, ''));
      }
    }
    // The carrier's id leads to it as well.
    const { frames } = await admin.trace(answers[0]!.message_id);
    const submitted = frames.find((f) => f.command === 'CMPP_SUBMIT_RESP')!;
    const { u64 } = submitted.fields.msg_id as { u64: string };
    expect(story(await admin.trace(u64))).toEqual(
      expect.arrayContaining(['cmpp2 out CMPP_SUBMIT', 'cmpp2 in CMPP_DELIVER']),
    );
  });

  it('shows no text and no number, unless log.text is on and it is asked for', async () => {
    const carrier = await rig.sim({ protocol: 'cmpp' });
    const setup = { carriers: [{ name: 'cmpp2', protocol: 'cmpp', port: carrier.port }] } as const;
    const node = await rig.node({ ...setup, log: 'error, text: true' });
    const admin = await adminOf(node);
    await carrierUp(node, 'cmpp2');
    const platform = await rig.platform(node.port);
    const { message_id: id } = await platform.submit({ short_message: Buffer.from('a secret word') });
    await platform.delivered(1);
    await recordsOf(node);
    const masked = JSON.stringify(await admin.trace(id));
    expect(masked).not.toMatch(/secret|13800000001|73656372657420/);
    expect(masked).toContain('(13 characters)');
    expect(masked).toContain('138******01');
    const shown = JSON.stringify(await admin.trace(id, '?text=1'));
    expect(shown).toContain('a secret word');
    expect(shown).toContain('13800000001');
    const capture = await admin.get('/api/capture');
    const octets = Buffer.from(await capture.arrayBuffer());
    const commands: string[] = [];
    const dissector = createDissector({
      wires: WIRES,
      ports: undefined,
      onPdu: (pdu) => commands.push(pdu.description?.command ?? pdu.fault),
      onTrouble: (_, __, ___, what) => commands.push(what),
    });
    dissector.push(octets);
    dissector.end();
    expect(commands).toEqual(
      expect.arrayContaining(['CMPP_CONNECT', 'CMPP_SUBMIT_RESP', 'bind_transceiver', 'submit_sm', 'deliver_sm_resp']),
    );
    // The bind's password is stars; `secret` is in the text of the message and nowhere else.
    expect(octets.includes('acme\0******\0')).toBe(true);
    expect(octets.toString('latin1').replaceAll('a secret word', '')).not.toContain('secret');
    const other = await adminOf(await rig.node(setup));
    expect((await other.get('/api/capture')).status).toBe(403);
    const refused = await other.get('/api/trace/1?text=1');
    expect(refused.status).toBe(403);
    expect((await other.get('/api/trace/%20')).status).toBe(400);
  });

  it('has the attempts that were refused, by number and time', async () => {
    const smsc = await rig.smsc();
    let tries = 0;
    smsc.reply = () => (tries++ === 0 ? { status: 0x58 } : { id: 'abc123' });
    const node = await rig.node({
      carriers: [{ name: 'one', protocol: 'smpp', port: smsc.port, more: 'retry: { from: 200ms, to: 300ms }' }],
    });
    const admin = await adminOf(node);
    await carrierUp(node, 'one');
    const platform = await rig.platform(node.port);
    const { message_id: id } = await platform.submit();
    await platform.delivered(1);
    await recordsOf(node);
    const traced = await admin.trace(id);
    const toCarrier = traced.frames.filter((f) => f.peer === 'one').map((f) => `${f.command} ${f.status} ${f.by}`);
    expect(toCarrier).toEqual([
      'submit_sm  number and time',
      'submit_sm_resp ESME_RTHROTTLED its request',
      'submit_sm  its answer',
      'submit_sm_resp ESME_ROK id',
      'deliver_sm  id',
      'deliver_sm_resp ESME_ROK its request',
    ]);
  });

  it('has an MO from the carrier to the platform', async () => {
    const smsc = await rig.smsc();
    const node = await rig.node({
      carriers: [{ name: 'one', protocol: 'smpp', port: smsc.port }],
      account: 'mo: ["1069"]',
    });
    const admin = await adminOf(node);
    await carrierUp(node, 'one');
    const platform = await rig.platform(node.port);
    await smsc.deliver({ source_addr: '13800000077', destination_addr: '10690001', short_message: Buffer.from('TD') });
    await platform.delivered(1);
    await until('the answer to it', () => node.gw.accounts.get('acme')!.inFlight === 0);
    const [record] = (await recordsOf(node)).filter((r) => r.kind === 'MO');
    const traced = await admin.trace(String(record!.id));
    expect(story(traced)).toEqual(
      expect.arrayContaining(['one in deliver_sm', 'one out deliver_sm_resp ESME_ROK', 'acme out deliver_sm']),
    );
  });

  it('follows a platform that speaks CMPP, by the Msg_Id that it was given', async () => {
    const smsc = await rig.smsc();
    const node = await rig.node({
      carriers: [{ name: 'one', protocol: 'smpp', port: smsc.port }],
      listeners: ['name: cmpp, protocol: cmpp, listen: 127.0.0.1:0'],
      accounts: ['name: sp, protocol: cmpp, systemId: "900009", password: { demo: secret }, route: main'],
    });
    const admin = await adminOf(node);
    await carrierUp(node, 'one');
    const { port } = node.listeners.get('cmpp')!.address;
    const load = createLoad({
      port,
      protocol: 'cmpp',
      systemId: '900009',
      password: 'secret',
      count: 3,
      texts: ['hello'],
    });
    load.start();
    expect((await load.done).clean).toBe(true);
    const [record] = await recordsOf(node);
    const whole = [
      'sp in CMPP_SUBMIT',
      'sp out CMPP_SUBMIT_RESP OK',
      'one out submit_sm',
      'one in submit_sm_resp ESME_ROK',
      'one in deliver_sm',
      'one out deliver_sm_resp ESME_ROK',
      'sp out CMPP_DELIVER',
      'sp in CMPP_DELIVER_RESP OK',
    ];
    const traced = await admin.trace(String(record!.id));
    expect(story(traced).sort()).toEqual([...whole].sort());
    const { msg_id: id } = traced.frames.find((f) => f.command === 'CMPP_SUBMIT_RESP')!.fields;
    expect(story(await admin.trace((id as { u64: string }).u64)).sort()).toEqual([...whole].sort());
  });

  it('says what is forgotten, and keeps nothing where told so', async () => {
    const carrier = await rig.sim({ protocol: 'cmpp' });
    const carriers = [{ name: 'cmpp2', protocol: 'cmpp', port: carrier.port }] as const;
    const node = await rig.node({ carriers, more: 'trace: { memory: 256KiB }' });
    const admin = await adminOf(node);
    await carrierUp(node, 'cmpp2');
    const platform = await rig.platform(node.port);
    const { message_id: id } = await platform.submit();
    await platform.delivered(1);
    for (let k = 1; k <= 10; k++) {
      await Promise.all(Array.from({ length: 50 }, () => platform.submit({ short_message: Buffer.alloc(100, 0x61) })));
      await platform.delivered(1 + 50 * k);
    }
    await recordsOf(node);
    const traced = await admin.trace(id);
    expect(traced.tap).toMatchObject({ overwritten: true });
    expect(traced.frames).toEqual([]);
    expect(traced.message).toMatchObject({ state: 'DELIVERED' });
    const none = await rig.node({ carriers, more: 'trace: { memory: 0 }' });
    expect(await (await adminOf(none)).trace('1')).toEqual({ message: null, tap: null, frames: [] });
  });
});
