import { closeSync, openSync, writeSync } from 'node:fs';

// Book files: what one end of the wire sent and saw, as JSON lines. The first line is the head, each further one a thing
// that happened, written when it happened: an end that is killed leaves all but its last few, and neither writer nor
// reader keeps the messages. Times are milliseconds since `since` of the head, by the clock of the machine: two ends on
// one machine can be compared. `yima verdict` joins the ends, so texts are told by fingerprint (fingerprints.ts) of the
// whole text, as one end or the other may cut it into other parts, or code it otherwise.

/** First line. `since`: milliseconds since 1970. */
export interface BookHead {
  readonly book: 'platform' | 'carrier';
  readonly format: 1;
  readonly protocol: string;
  readonly since: number;
  /** The same by the clock that the processes of one machine share and nobody sets: since it was started. */
  readonly uptime?: number;
  /** Platform: its account. */
  readonly account?: string;
  /** Carrier: of what it draws. */
  readonly seed?: number;
  readonly scenario?: string;
  /** Platform: whether it asked for receipts. */
  readonly receipts?: boolean;
}

/** Platform: a submit and its end: an `id`, a refusal, or neither where its outcome is not known. */
export interface SubmitLine {
  readonly is: 'submit';
  /** Of the book, from 0: the parts of one message have the same. */
  readonly message: number;
  readonly to: string;
  readonly text: number;
  /** From 1. */
  readonly part: number;
  readonly parts: number;
  /** When it should have gone; less than `sent` where the other end held it up. */
  readonly due: number;
  readonly sent: number;
  /** How often it was submitted. */
  readonly tries: number;
  readonly answered?: number;
  readonly id?: string;
  readonly refused?: string;
}

/** Platform: a receipt came. `state`: DELIVERED, EXPIRED, …; ENROUTE and ACCEPTED are not final. */
export interface ReceiptLine {
  readonly is: 'receipt';
  readonly id: string;
  readonly from: string;
  readonly state: string;
  readonly at: number;
}

/** Carrier: a message is whole. A text that never became whole has no fingerprint, and '' for what never came. */
export interface MessageLine {
  readonly is: 'message';
  readonly to: string;
  readonly text?: number;
  /** Of its parts, as answered. */
  readonly ids: readonly string[];
  /** As its reports name them, where that is otherwise. */
  readonly reportIds?: readonly string[];
  readonly at: readonly number[];
}

/** Carrier: a part that it had accepted before came again, and was accepted again. */
export interface RepeatLine {
  readonly is: 'repeat';
  readonly to: string;
  readonly id: string;
  readonly part: number;
  readonly parts: number;
  readonly at: number;
}

/** Carrier: a submit was refused. */
export interface RefusalLine {
  readonly is: 'refusal';
  readonly to: string;
  readonly code: number;
  readonly at: number;
}

/** Carrier: a report went out; `word` as its rules have it: DELIVERED, or another status word such as MK:0012. */
export interface ReportLine {
  readonly is: 'report';
  readonly id: string;
  readonly to: string;
  readonly word: string;
  readonly at: number;
}

/** Carrier: the other side took a report. */
export interface TakenLine {
  readonly is: 'taken';
  readonly id: string;
  readonly to: string;
  readonly at: number;
}

export type PlatformLine = SubmitLine | ReceiptLine;
export type CarrierLine = MessageLine | RepeatLine | RefusalLine | ReportLine | TakenLine;

export interface BookWriter {
  /** Milliseconds since the head's `since`, now or at a time of `performance.now()`. */
  at(time?: number): number;
  write(line: PlatformLine | CarrierLine): void;
  /** Writes what is left and closes. Throws what went wrong since it was begun: the disk is full. */
  close(): void;
}

const CHUNK = 64 << 10;
/** A book can be read while it is written, and what is younger than this may be missing. */
const FLUSH_MS = 500;

/** Begins a book. Throws the system's error where the file cannot be made. */
export function createBookWriter(path: string, head: Omit<BookHead, 'format' | 'since' | 'uptime'>): BookWriter {
  const begun = performance.now();
  const since = performance.timeOrigin + begun;
  const uptime = Number(process.hrtime.bigint() / 1000n) / 1000;
  const file = openSync(path, 'w');
  let text = `${JSON.stringify({ ...head, format: 1, since, uptime } satisfies BookHead)}\n`;
  let fault: Error | undefined;
  let closed = false;
  let flushing: NodeJS.Timeout | undefined;

  /** A book that cannot be written must not stop what it tells of: the fault is kept for the end. */
  function flush(): void {
    clearTimeout(flushing);
    flushing = undefined;
    const out = Buffer.from(text);
    text = '';
    if (fault !== undefined) return;
    try {
      for (let o = 0; o < out.length; ) o += writeSync(file, out, o);
    } catch (e) {
      fault = e as Error;
    }
  }

  return {
    at: (time = performance.now()) => Math.round((time - begun) * 100) / 100,
    write(line) {
      if (closed) return;
      text += JSON.stringify(line);
      text += '\n';
      if (text.length >= CHUNK) flush();
      else flushing ??= setTimeout(flush, FLUSH_MS).unref();
    },
    close() {
      if (closed) return;
      flush();
      closed = true;
      closeSync(file);
      if (fault !== undefined) throw fault;
    },
  };
}
