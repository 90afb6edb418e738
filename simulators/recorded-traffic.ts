import type { Coding } from '../protocols/text/charset.ts';
import { eachLine } from './lines.ts';
import type { LoadText } from './load-options.ts';

/** Messages as they once came: the m-th at times[m], milliseconds from the first, to numbers[m]. */
export interface RecordedTraffic {
  readonly times: Float64Array;
  readonly texts: readonly LoadText[];
  readonly numbers: readonly string[];
}

/**
 * Reads what `yima scenario-from` wrote: a line a message, its time and then the rest as JSON. Throws RangeError that
 * names the line.
 */
export function readTraffic(path: string): RecordedTraffic {
  const times: number[] = [];
  const texts: LoadText[] = [];
  const numbers: string[] = [];
  eachLine(path, (line, number) => {
    const blank = line.indexOf(' ');
    const at = Number.parseFloat(line);
    let rest: Partial<Record<string, unknown>> = {};
    try {
      rest = JSON.parse(line.slice(blank + 1)) as typeof rest;
    } catch {
      // Said below.
    }
    const { to, text, coding } = rest;
    if (!(at >= 0) || typeof to !== 'string' || typeof text !== 'string' || typeof coding !== 'string') {
      throw new RangeError(`${path}:${number}: is no message; give a file that yima scenario-from has written`);
    }
    times.push(at);
    texts.push({ text, coding: coding as Coding });
    numbers.push(to);
  });
  if (times.length === 0) throw new RangeError(`${path}: there is no message in it`);
  return { times: Float64Array.from(times), texts, numbers };
}
