import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { BehaviourChange } from '../../simulators/behaviour.ts';
import { type Carrier, startCarrier } from '../../simulators/carrier.ts';
import type { LoadOptions } from '../../simulators/load-options.ts';
import { createLoad } from '../../simulators/platform.ts';
import { scratchFolder, yamlOf } from '../support/node.ts';
import { startProcess } from '../support/process.ts';
import { createRandom, readTexts } from '../support/texts.ts';

/*
 * Load with random faults of the carriers for YIMA_MINUTES (default 5), YIMA_RATE messages a second (default 2000).
 * Prints the memory of the gateway process, and says whether it went on growing.
 */
const minutes = Number(process.env.YIMA_MINUTES ?? 5);
const rate = Number(process.env.YIMA_RATE ?? 2_000);
const seed = Number(process.env.YIMA_SEED ?? Date.now() % 1_000_000);
const LOOK_MS = 5_000;

/** One at a time for each carrier; the first is fair weather. */
const FAULTS: readonly BehaviourChange[] = [
  {},
  { responseDelay: { min: 0, max: 200 }, reportDelay: { min: 0, max: 2_000 } },
  { disconnect: { every: 500, midWindow: true } },
  { silence: { probability: 0.01, accepted: true } },
  { garbage: { probability: 0.002, kind: 'octets' } },
  { throttle: { perSecond: 300 } },
  { errorRate: { probability: 0.05, code: 0 }, duplicateReport: { probability: 0.05 } },
  { reportBefore: { probability: 0.5 }, reportOn: 'any' },
  { slow: { every: 100, pause: 100 } },
];
const CALM: BehaviourChange = {
  responseDelay: 0,
  reportDelay: 0,
  disconnect: { every: 0, midWindow: false },
  silence: { probability: 0 },
  garbage: { probability: 0 },
  throttle: { perSecond: 0 },
  errorRate: { probability: 0 },
  duplicateReport: { probability: 0 },
  reportBefore: { probability: 0 },
  slow: { every: 0 },
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const residentMb = (pid: number): number =>
  Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;

it(`${minutes} minutes of load with faults: nothing lost, memory bounded`, async () => {
  const folder = scratchFolder();
  const random = createRandom(seed);
  const carriers: Carrier[] = [];
  for (const protocol of ['cmpp', 'smpp', 'cmpp', 'smpp'] as const) {
    const account = { name: protocol === 'cmpp' ? '900001' : 'yima', secret: 'secret' };
    carriers.push(await startCarrier({ protocol, accounts: [account] }));
  }
  const config = join(folder.path, 'yima.yaml');
  writeFileSync(
    config,
    yamlOf({
      data: join(folder.path, 'data'),
      log: 'info',
      store: 'journalKeep: 32MiB, coldAfter: 10s',
      carriers: carriers.map((c, k) => ({
        name: `carrier${k}`,
        protocol: k % 2 === 0 ? 'cmpp' : 'smpp',
        port: c.port,
        more: 'binds: 2, window: 32, responseTimeout: 3s, queue: { max: 5000 }',
      })),
    }),
  );
  const gateway = await startProcess(config);
  try {
    const options: LoadOptions = {
      port: gateway.port,
      systemId: 'acme',
      password: 'secret',
      count: Math.round(minutes * 60 * rate),
      texts: readTexts().texts.slice(0, 1_000),
      binds: 4,
      rate,
      retryThrottled: true,
      receiptTimeout: 20_000,
    };
    const load = createLoad(options);
    load.start();
    let over = false;
    const done = load.done.finally(() => {
      over = true;
    });
    const memory: number[] = [];
    const lines: string[] = [];
    const until = performance.now() + minutes * 60_000;
    while (!over) {
      await sleep(LOOK_MS);
      memory.push(residentMb(gateway.pid));
      const { acked, receipted, bound } = load.progress;
      const line = `${memory.length * 5} s: RSS ${memory.at(-1)!.toFixed(0)} MB, ${acked} acknowledged, ${receipted} receipts, ${bound} binds`;
      lines.push(line);
      process.stdout.write(`${line}\n`);
      for (const c of carriers) {
        c.change(CALM);
        if (performance.now() < until) c.change(FAULTS[Math.floor(random() * FAULTS.length)]!);
      }
    }
    const verdict = await done;
    const defects = gateway.log.filter((l) => l.level === 'error' || l.level === 'fatal');
    process.stdout.write(`seed ${seed}\n${JSON.stringify(verdict, undefined, 1)}\n`);
    expect(defects).toEqual([]);
    expect(verdict).toMatchObject({ lost: 0, duplicated: 0, foreign: 0, unknown: 0, misaddressed: 0 });
    // Warm by the first third; what it needs then it needs for good, give or take what waits.
    const third = Math.ceil(memory.length / 3);
    const early = Math.max(...memory.slice(0, third));
    const late = Math.max(...memory.slice(-third));
    process.stdout.write(
      `memory: at most ${early.toFixed(0)} MB in the first third, ${late.toFixed(0)} MB in the last\n`,
    );
    expect(late).toBeLessThan(early * 1.3 + 30);
  } finally {
    await gateway.stop();
    for (const c of carriers) await c.stop();
    folder.remove();
  }
});
