import { afterEach, describe, expect, it } from 'vitest';
import { type CampaignReport, formatReport, runCrashCampaign } from './support/crash-campaign.ts';
import { scratchFolder } from './support/node.ts';
import { readTexts } from './support/texts.ts';

let folder: ReturnType<typeof scratchFolder> | undefined;
afterEach(() => folder?.remove());

/** Set YIMA_SEED to see a history again, as far as timing lets it repeat. */
const seed = Number(process.env.YIMA_SEED ?? Date.now() % 1_000_000);

async function campaign(kills: number, store?: string): Promise<CampaignReport> {
  folder = scratchFolder();
  const { texts } = readTexts();
  const more = store === undefined ? {} : { store };
  const report = await runCrashCampaign({ folder: folder.path, texts, kills, rate: 1_200, seed, ...more });
  process.stdout.write(`${formatReport(report)}\n`);
  expect(report.faults).toEqual([]);
  // The kills fell into the midst of it.
  expect(report.figures['submits answered']).toBeGreaterThan(kills * 100);
  expect(report.figures['parts unanswered at a kill']).toBeGreaterThan(0);
  expect(report.figures['receipts open at a kill']).toBeGreaterThan(0);
  return report;
}

describe('a gateway that is killed again and again under load', () => {
  it('twenty times: loses nothing that it acknowledged, and repeats only what it could not know', async () => {
    const { figures } = await campaign(20);
    expect(figures.kills).toBe(20);
    expect(figures['carried on, gone cold, batches let go']).toBe('0, 0, 0');
  }, 400_000);

  it('while checkpoints are written and messages go to the cold index', async () => {
    const { figures } = await campaign(8, 'journalKeep: 64KiB, coldAfter: 100ms');
    const [carried, , missed] = String(figures['carried on, gone cold, batches let go']).split(', ').map(Number);
    expect(carried).toBeGreaterThan(0);
    expect(missed).toBeGreaterThan(0);
  });
});
