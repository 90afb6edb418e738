import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { LoadOptions } from '../../simulators/load-options.ts';
import { createLoad } from '../../simulators/platform.ts';
import { tapAsPcap } from '../../src/admin/tap-pcap.ts';
import { WIRES_BY_NAME } from '../../src/cli/wires.ts';
import { carrierUp, useRig } from '../support/rig.ts';
import { readTexts } from '../support/texts.ts';

/*
 * What another reader says of our frames: everything said between the gateway and simulators, SMPP and CMPP 3.0 on both
 * sides, through tshark. Needs tshark on the PATH. YIMA_COUNT messages of each platform (default 1000).
 */
const count = Number(process.env.YIMA_COUNT ?? 1_000);
const rig = useRig();
const figures: string[] = [];
afterAll(() => void process.stdout.write(`${figures.join('\n')}\n`));

function tshark(file: string, ports: readonly number[], ...more: string[]): string {
  const as = ports.flatMap((port) => ['-d', `tcp.port==${port},cmpp`]);
  return execFileSync('tshark', ['-n', '-r', file, ...as, '-o', 'tcp.check_checksum:TRUE', ...more], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

it('raises no error in SMPP and CMPP 3.0', async () => {
  const texts = [
    ...readTexts().texts.filter((_, k) => k % 7 === 0),
    '😀'.repeat(40),
    '您的验证码是482913。'.repeat(12),
  ];
  const cmpp = await rig.sim({
    protocol: 'cmpp',
    version: '3.0',
    behaviour: { errorRate: { probability: 0.05, code: 9 } },
  });
  const smsc = await rig.sim({ protocol: 'smpp', behaviour: { errorRate: { probability: 0.05, code: 0x45 } } });
  const node = await rig.node({
    carriers: [
      { name: 'cmpp3', protocol: 'cmpp', version: '3.0', port: cmpp.port, more: 'coding: [gbk, ucs2]' },
      { name: 'smsc', protocol: 'smpp', port: smsc.port },
    ],
    account: 'mo: ["1069"]',
    listeners: ['name: cmpp, protocol: cmpp, listen: 127.0.0.1:0'],
    accounts: ['name: sp, protocol: cmpp, systemId: "900009", password: { demo: secret }, route: main'],
  });
  await carrierUp(node, 'cmpp3', 'smsc');
  const platforms: Partial<LoadOptions>[] = [
    { port: node.port, systemId: 'acme' },
    { protocol: 'cmpp', version: '3.0', port: node.listeners.get('cmpp')!.address.port, systemId: '900009' },
  ];
  for (const platform of platforms) {
    const load = createLoad({ port: 0, systemId: '', password: 'secret', count, texts, binds: 2, ...platform });
    load.start();
    for (const carrier of [cmpp, smsc]) {
      for (const text of ['TD', '好的'.repeat(60)])
        await carrier.injectMo({ from: '13800000077', to: '10690001', text });
    }
    const verdict = await load.done;
    expect(verdict.lost).toBe(0);
  }
  const file = join(rig.folder(), 'tap.pcap');
  writeFileSync(file, await tapAsPcap(node.tap!, WIRES_BY_NAME));
  const ports = [7890, cmpp.port];

  for (const protocol of ['smpp', 'cmpp']) {
    const field = protocol === 'smpp' ? 'smpp.command_id' : 'cmpp.Command_Id';
    const seen = tshark(file, ports, '-Y', protocol, '-T', 'fields', '-e', field)
      .split(/[\s,]+/)
      .filter((id) => id !== '');
    expect(seen.length).toBeGreaterThan(count);
    const counts = new Map<string, number>();
    for (const id of seen) counts.set(id, (counts.get(id) ?? 0) + 1);
    figures.push(
      `${protocol}: ${seen.length} PDUs read by tshark: ${[...counts].map(([id, n]) => `${id} × ${n}`).join(', ')}`,
    );
  }
  const wrong = tshark(
    file,
    ports,
    '-Y',
    '_ws.malformed || _ws.expert.severity >= 8388608 || tcp.checksum.status == 0',
  );
  figures.push(`errors: ${wrong.trim() === '' ? 'none' : `\n${wrong}`}`);
  expect(wrong).toBe('');
});
