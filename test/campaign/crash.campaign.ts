import { expect, it } from 'vitest';
import { formatReport, runCrashCampaign } from '../support/crash-campaign.ts';
import { scratchFolder } from '../support/node.ts';
import { readTexts } from '../support/texts.ts';

/*
 * The crash test at length: YIMA_KILLS kills (default 100), YIMA_RATE messages a second (default 2000), YIMA_SEED; and
 * as many again with checkpoints and the cold index in play.
 */
const kills = Number(process.env.YIMA_KILLS ?? 100);
const rate = Number(process.env.YIMA_RATE ?? 2_000);
const seed = Number(process.env.YIMA_SEED ?? Date.now() % 1_000_000);

it.each([undefined, 'journalKeep: 256KiB, coldAfter: 200ms'])('kill -9 under load, store { %s }', async (store) => {
  const folder = scratchFolder();
  try {
    const more = store === undefined ? {} : { store };
    const report = await runCrashCampaign({
      folder: folder.path,
      texts: readTexts().texts,
      kills,
      rate,
      seed,
      ...more,
    });
    process.stdout.write(`${formatReport(report)}\n`);
    expect(report.faults).toEqual([]);
  } finally {
    folder.remove();
  }
});
