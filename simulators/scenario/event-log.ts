import { closeSync, openSync, writeSync } from 'node:fs';

/**
 * What happened in a carrier, a line of JSON each: `t` in ms since its start by its clock, `event`, and what belongs to
 * it. Names and numbers as on the wire; ids that are octets, in hexadecimal. With the same seed, a virtual clock and the
 * same requests, two logs are equal to the octet.
 */
export interface EventLog {
  write(t: number, event: EventName, fields: Readonly<Record<string, unknown>>): void;
  close(): void;
}

export type EventName = 'start' | 'connection' | 'login' | 'submit' | 'answer' | 'report' | 'mo' | 'fault' | 'change';

const CHUNK = 64 << 10;
const FLUSH_MS = 250;

/** A file, or a function that takes a line. */
export type EventTarget = string | ((line: string) => void);

/** Into all of these. Throws the system's error where a file cannot be made. */
export function createEventLog(targets: readonly EventTarget[]): EventLog {
  const outs = targets.map((to) => (typeof to === 'string' ? intoFile(to) : { line: to, close: () => undefined }));
  return {
    write(t, event, fields) {
      const line = JSON.stringify({ t: Math.round(t * 1000) / 1000, event, ...fields });
      for (const out of outs) out.line(line);
    },
    close() {
      for (const out of outs) out.close();
    },
  };
}

function intoFile(path: string): { line(text: string): void; close(): void } {
  const file = openSync(path, 'w');
  let text = '';
  const flush = (): void => {
    const octets = Buffer.from(text);
    text = '';
    for (let o = 0; o < octets.length; ) o += writeSync(file, octets, o);
  };
  // Somebody may be reading along.
  const timer = setInterval(() => text !== '' && flush(), FLUSH_MS);
  return {
    line(more) {
      text += `${more}\n`;
      if (text.length >= CHUNK) flush();
    },
    close() {
      clearInterval(timer);
      flush();
      closeSync(file);
    },
  };
}

/** An id as it can be read: those that are octets, in hexadecimal. */
export function shownId(id: string): string {
  return /^[\x21-\x7e]*$/.test(id) ? id : Buffer.from(id, 'latin1').toString('hex');
}
