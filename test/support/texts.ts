import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * 10,000 short messages as people write them, half Chinese, half English: from the corpus where it is (folder
 * `YIMA_CORPUS`, default `../shared/corpus`, one text a line), else generated, always the same.
 */
export function readTexts(): { texts: readonly string[]; from: 'corpus' | 'generated' } {
  const folder = process.env.YIMA_CORPUS ?? join('..', 'shared', 'corpus');
  const files = ['sms-zh.txt', 'sms-en.txt'].map((name) => join(folder, name));
  if (!files.every((file) => existsSync(file))) return { texts: generate(10_000), from: 'generated' };
  const texts = files.flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  return { texts: texts.filter((text) => text !== ''), from: 'corpus' };
}

/** A sequence of numbers from 0 to 1 that is always the same for a seed. */
export function createRandom(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const WORDS =
  'ok u r hey lunch meet tmr 2moro pls call me when done at the lab haha :) ;-) cant wait thanks [btw] ~ € 50% @7pm'.split(
    ' ',
  );
const MARKS = ['，', '。', '！', '？', '…', '～', ' ', '(', '）', '2', 'QQ'];
/** Only UCS-2 holds these. */
const RARE = ['😀', '㎡', '🀄'];

/** Texts of the corpus's kind: most fit one message, some take several; a few have what only UCS-2 holds. */
export function generate(count: number, seed = 1): string[] {
  const random = createRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  // Short ones are many, long ones few.
  const length = (most: number): number => 1 + Math.floor(random() ** 6 * most);
  return Array.from({ length: count }, (_, k) => {
    if (k % 2 === 1) return Array.from({ length: length(180) }, () => pick(WORDS)).join(' ');
    let text = '';
    for (let left = length(400); left > 0; left--) {
      const kind = random();
      text +=
        kind < 0.003
          ? pick(RARE)
          : kind < 0.12
            ? pick(MARKS)
            : String.fromCharCode(0x4e00 + Math.floor(random() * 0x5100));
    }
    return text;
  });
}
