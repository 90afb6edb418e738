import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { type Lab, startLab } from '../simulators/lab.ts';
import { labPicture, sparkline } from '../src/cli/lab-view.ts';
import { labClient } from './support/lab-client.ts';
import { until } from './support/node.ts';
import { bindBody, frame, smBody } from './support/smpp-octets.ts';

let lab: Lab | undefined;
afterEach(() => lab?.stop());

const accounts = [{ name: 'acme', secret: 'secret' }];

async function busyLab(carriers: number): Promise<Lab> {
  const behaviour = { numbers: [{ suffix: '9', code: 0x0b }] };
  lab = await startLab({
    carriers: Array.from({ length: carriers }, () => ({ protocol: 'smpp', accounts, behaviour })),
  });
  const { carrier } = lab.carriers[0]!;
  const client = await labClient(carrier.port);
  client.write(frame(0x09, 0, 1, bindBody()));
  client.write(frame(0x04, 0, 2, smBody({ registered: 1 })));
  client.write(frame(0x04, 0, 3, smBody({ destination: '13800000009' })));
  await until('all is said', () => carrier.books.counts.reports === 1 && carrier.books.counts.answered === 2);
  lab.take();
  return lab;
}

describe('the picture of a lab', () => {
  it('tells of each carrier what it does and how long it takes', async () => {
    const one = await busyLab(1);
    const text = labPicture(one, 120, 40, false);
    const lines = text.split('\n');
    expect(lines[0]).toMatch(/^smpp-\d+ {2}SMPP {2}1 session {2}seed 1 {2}\d+:\d\d$/);
    expect(text).toMatch(/^ submits .*\/s .* 2 in all {2}open 0 most \d$/m);
    expect(text).toMatch(/^ reports .*\/s .* 1 in all {2}open 1 waiting 0$/m);
    expect(text).toMatch(/^ refused .*\/s .* 1 in all {2}0xb ESME_RINVDSTADR 100\.0 %$/m);
    expect(text).toMatch(/^ states {2}DELIVERED 100\.0 %$/m);
    expect(text).toMatch(/^ answer .* p99\.9 \S+ (µs|ms) /m);
    expect(labPicture(one, 80, 24, false)).toMatch(/^ refused .* 0xb 100\.0 %$/m);
  });

  it.each([
    [40, 24],
    [80, 24],
    [80, 8],
    [120, 50],
    [20, 4],
  ])('fits into %d columns and %d rows, however many carriers there are', async (columns, rows) => {
    const many = await busyLab(12);
    const lines = labPicture(many, columns, rows, false).split('\n');
    expect(lines.length).toBeLessThan(rows);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    if (rows < 13 && columns >= 40) expect(lines.at(-1)).toMatch(/^… and \d+ more; make the window taller/);
    // Colours must not make it longer.
    const plain = stripVTControlCharacters(labPicture(many, columns, rows, true));
    expect(plain.split('\n').every((line) => line.length <= columns)).toBe(true);
    expect(plain.split('\n')).toHaveLength(lines.length);
  });
});

describe('a line of bars', () => {
  it('begins at nothing, ends at the newest, and has a bar for all that is more than nothing', () => {
    expect(sparkline([0, 1, 50, 100], 6)).toBe('   ▁▄█');
    expect(sparkline([9, 0, 8, 8], 3)).toBe(' ██');
    expect(sparkline([], 4)).toBe('    ');
    expect(sparkline([0, 0], 2)).toBe('  ');
  });
});
