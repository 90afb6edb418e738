import { afterEach, describe, expect, it } from 'vitest';
import { type Carrier, type CarrierOptions, startCarrier } from '../simulators/carrier.ts';
import type { LoadOptions } from '../simulators/load-options.ts';
import { createLoad } from '../simulators/platform.ts';
import type { Node } from '../src/cli/serve.ts';
import { scratchFolder, startTestNode } from './support/node.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function carrier(options: Partial<CarrierOptions> & Pick<CarrierOptions, 'protocol'>): Promise<Carrier> {
  const name = options.protocol === 'cmpp' ? '900001' : 'yima';
  const c = await startCarrier({ record: 'messages', ...options, accounts: [{ name, secret: 'secret' }] });
  closers.push(() => c.stop());
  return c;
}

async function node(
  setup: Omit<Parameters<typeof startTestNode>[0], 'data'> & { data?: string },
): Promise<Node & { port: number }> {
  let { data } = setup;
  if (data === undefined) {
    const folder = scratchFolder();
    closers.push(() => folder.remove());
    data = folder.path;
  }
  const n = await startTestNode({ ...setup, data });
  closers.push(() => n.stop());
  return n;
}

const load = async (port: number, options: Partial<LoadOptions>) => {
  const l = createLoad({ port, systemId: 'acme', password: 'secret', count: 100, texts: ['hello'], ...options });
  l.start();
  return l.done;
};

describe('a message through the gateway', () => {
  it('SMPP in, SMPP out, receipts back', async () => {
    const smsc = await carrier({ protocol: 'smpp' });
    const n = await node({ carriers: [{ name: 'smsc', protocol: 'smpp', port: smsc.port }] });
    const verdict = await load(n.port, { count: 2000, texts: ['hello', '你好，世界', 'x'.repeat(400)] });
    expect(verdict).toMatchObject({ refused: 0, unknown: 0, lost: 0, duplicated: 0, foreign: 0, clean: true });
    expect(smsc.books.repeats).toBe(0);
    expect(smsc.books.messages.filter((m) => m.text === '你好，世界')).toHaveLength(667);
    expect(smsc.books.messages.filter((m) => m.text === 'x'.repeat(400))).toHaveLength(666);
    expect(n.gw.state.active.size + n.gw.state.frozen.count).toBe(0);
  });

  it.each(['2.0', '3.0'])('SMPP in, CMPP %s out, receipts back', async (version) => {
    const ismg = await carrier({ protocol: 'cmpp', version });
    const n = await node({
      carriers: [{ name: 'ismg', protocol: 'cmpp', version, port: ismg.port, more: 'binds: 2' }],
    });
    const texts = ['hello', '你好，世界', '长'.repeat(200), 'x'.repeat(400), 'emoji 😀 '.repeat(20)];
    const verdict = await load(n.port, { count: 2000, texts, binds: 2 });
    expect(verdict).toMatchObject({ refused: 0, unknown: 0, lost: 0, duplicated: 0, foreign: 0, clean: true });
    expect(ismg.books.repeats).toBe(0);
    const whole = ismg.books.messages.filter((m) => m.text === '你好，世界');
    expect(whole).toHaveLength(400);
    expect(whole[0]!.coding).toBe('gbk');
    expect(n.gw.state.active.size + n.gw.state.frozen.count + n.gw.state.parked.size).toBe(0);
  });
});
