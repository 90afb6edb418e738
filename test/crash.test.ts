import { afterAll, describe, expect, it } from 'vitest';
import { formatReport, runCrashCampaign } from './support/crash-campaign.ts';
import { scratchFolder } from './support/node.ts';
import { readTexts } from './support/texts.ts';

const folder = scratchFolder();
afterAll(() => folder.remove());

/** Set YIMA_SEED to see a history again, as far as timing lets it repeat. */
const seed = Number(process.env.YIMA_SEED ?? Date.now() % 1_000_000);

describe('a gateway that is killed twenty times under load', () => {
  it('loses nothing that it acknowledged, and repeats only what it could not know', async () => {
    const { texts } = readTexts();
    const report = await runCrashCampaign({ folder: folder.path, texts, kills: 20, rate: 1_200, seed });
    process.stdout.write(`${formatReport(report)}\n`);
    expect(report.faults).toEqual([]);
    expect(report.figures.kills).toBe(20);
    // The kills fell into the midst of it.
    expect(report.figures['submits answered']).toBeGreaterThan(2_000);
    expect(report.figures['parts unanswered at a kill']).toBeGreaterThan(0);
    expect(report.figures['receipts open at a kill']).toBeGreaterThan(0);
  }, 150_000);
});
