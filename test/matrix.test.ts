import { afterEach, describe, expect, it } from 'vitest';
import type { BehaviourChange } from '../simulators/behaviour.ts';
import { type Carrier, startCarrier } from '../simulators/carrier.ts';
import { runCell } from '../simulators/matrix/cell.ts';
import { runMatrix } from '../simulators/matrix/run.ts';

// What `npm run matrix` prints as a table.
it('every platform protocol through the gateway to every carrier protocol', async () => {
  const { cells, kinds } = await runMatrix('dist/src/cli/yima.js');
  expect(cells.filter((cell) => cell.failed !== undefined)).toEqual([]);
  expect(cells).toHaveLength(kinds.length * kinds.length);
});

describe('a cell without a gateway in it', () => {
  const carriers: Carrier[] = [];
  afterEach(async () => {
    for (const carrier of carriers.splice(0)) await carrier.stop();
  });

  async function carrierWith(behaviour: BehaviourChange = {}): Promise<Carrier> {
    const accounts = [{ name: '900001', secret: 'secret' }];
    const carrier = await startCarrier({ protocol: 'cmpp', accounts, record: 'messages', behaviour });
    carriers.push(carrier);
    return carrier;
  }

  const run = (port: number, carrier: Carrier, password = 'secret') =>
    runCell({
      platform: { protocol: 'cmpp', port, systemId: '900001', password },
      carrier,
      service: '10690',
      firstNumber: 8613800000000,
      patience: 1000,
    });

  it('fails where the platform cannot log in', async () => {
    const carrier = await carrierWith();
    const outcome = await run(carrier.port, carrier, 'wrong');
    expect(outcome).toMatchObject({ failed: 'texts', why: expect.stringMatching(/acknowledgements: 0 of .*refused/) });
  });

  it('fails where texts do not come to the carrier', async () => {
    const other = await carrierWith();
    expect(await run(other.port, await carrierWith())).toMatchObject({
      failed: 'texts',
      why: 'texts at the carrier: none',
    });
  });

  it('fails where receipts do not come', async () => {
    const carrier = await carrierWith({ reports: { probability: 0 } });
    expect(await run(carrier.port, carrier)).toMatchObject({ failed: 'receipts' });
  });

  it('fails where nobody takes the reports while the platform is away', async () => {
    const carrier = await carrierWith();
    expect(await run(carrier.port, carrier)).toMatchObject({ failed: 'away' });
  });
});
