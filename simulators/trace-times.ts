import { eachLine } from './lines.ts';

/**
 * The times of a recorded trace, in milliseconds, rising: a number a line (what follows it is not read), or the book of a
 * platform or a carrier, whose messages then come as they came. Throws RangeError that names the line.
 */
export function readTrace(path: string): Float64Array {
  let times = new Float64Array(1024);
  let n = 0;
  let head = true;
  let book = false;
  eachLine(path, (line, number) => {
    if (head) {
      head = false;
      book = line.startsWith('{"book":');
      if (book) return;
    }
    const at = book ? timeIn(line) : Number.parseFloat(line);
    if (at === undefined || line === '') return;
    if (!Number.isFinite(at)) {
      throw new RangeError(`${path}:${number}: ${JSON.stringify(line)} is no time; give milliseconds, one time a line`);
    }
    if (n === times.length) {
      const more = new Float64Array(n * 2);
      more.set(times);
      times = more;
    }
    times[n++] = at;
  });
  if (n === 0) throw new RangeError(`${path}: there is no time in it; give milliseconds, one time a line`);
  return times.slice(0, n).sort();
}

/** When a message was submitted, or arrived. */
function timeIn(line: string): number | undefined {
  const { is, part, due, at } = JSON.parse(line) as { is?: string; part?: number; due?: number; at?: number[] };
  if (is === 'submit') return part === 1 ? due : undefined;
  return is === 'message' ? Math.min(...at!.filter((t) => t > 0)) : undefined;
}
