import { createReassembly } from '../protocols/text/reassemble.ts';
import type { Breaches } from './breaches.ts';
import type { ReceivedMo } from './platform-protocol.ts';

/** Counts whole messages from handsets, and finds parts that came twice or never. */
export interface MoCheck {
  add(mo: ReceivedMo, at: number): void;
  /** Whole ones. */
  readonly whole: number;
  /** Nothing more comes. */
  end(): void;
}

/** `expected`: how many whole ones shall come; undefined: as many as there are. */
export function createMoCheck(breaches: Breaches, expected: number | undefined): MoCheck {
  const parts = createReassembly<number>({ maxOpen: 100_000, maxParts: 1_000_000, timeoutMs: 3_600_000 });
  let whole = 0;
  return {
    add({ from, to, concat }, at) {
      if (concat === undefined) {
        whole++;
        return;
      }
      const { state } = parts.add(`${from} ${to}`, concat, concat.seq, at);
      if (state === 'whole') whole++;
      if (state !== 'duplicate') return;
      const what = `part ${concat.seq} of ${concat.total} (reference ${concat.ref}) came twice`;
      breaches.add('message from a handset doubled', () => ({ number: from, what }));
    },
    get whole() {
      return whole;
    },
    end() {
      for (const { key, parts: there } of parts.expire(Number.POSITIVE_INFINITY)) {
        const came = there.filter((part) => part !== undefined).length;
        const what = `${came} of its ${there.length} parts came`;
        breaches.add('message from a handset not whole', () => ({ number: key.split(' ')[0]!, what }));
      }
      if (expected === undefined || whole === expected) return;
      const what = `${whole} whole messages came, expected ${expected}`;
      breaches.add(whole < expected ? 'message from a handset lost' : 'message from a handset doubled', () => ({
        what,
      }));
    },
  };
}
