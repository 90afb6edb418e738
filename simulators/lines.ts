import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK = 1 << 20;

/**
 * Calls `each` with the lines of a file in turn, holding a chunk of it at a time; `at` is the line's first octet. A last
 * line without its end, as a killed writer leaves it, is not given. Throws the system's error.
 */
export function eachLine(path: string, each: (line: string, number: number, at: number) => void): void {
  const file = openSync(path, 'r');
  try {
    let chunk = Buffer.allocUnsafe(CHUNK);
    let held = 0;
    let at = 0;
    let number = 0;
    for (;;) {
      if (held === chunk.length) chunk = Buffer.concat([chunk, Buffer.allocUnsafe(chunk.length)]);
      const read = readSync(file, chunk, held, chunk.length - held, null);
      if (read === 0) return;
      held += read;
      let start = 0;
      for (let end = chunk.indexOf(10, start); end !== -1 && end < held; end = chunk.indexOf(10, start)) {
        each(chunk.toString('utf8', start, end), ++number, at + start);
        start = end + 1;
      }
      chunk.copyWithin(0, start, held);
      held -= start;
      at += start;
    }
  } finally {
    closeSync(file);
  }
}
/** The lines that begin at these octets, in the order asked for. */
export function linesAt(path: string, places: readonly number[]): string[] {
  const file = openSync(path, 'r');
  try {
    return places.map((place) => {
      let octets = Buffer.alloc(0);
      for (let end = -1; end === -1; end = octets.indexOf(10)) {
        const more = Buffer.alloc(4096);
        const read = readSync(file, more, 0, more.length, place + octets.length);
        if (read === 0) return octets.toString('utf8');
        octets = Buffer.concat([octets, more.subarray(0, read)]);
      }
      return octets.toString('utf8', 0, octets.indexOf(10));
    });
  } finally {
    closeSync(file);
  }
}
