import type { LabClock } from './clock.ts';
import type { Step } from './schema.ts';

/** What is to be done at a time, or after so many submits. */
export interface Schedule {
  /** Submits after which there is something to do: then `submitted` is to be called. */
  readonly next: number;
  submitted(submits: number): void;
  /** What was done from outside is kept, as steps that do it again. */
  record(step: Omit<Step, 'at' | 'afterSubmits'>, submits: number): void;
  readonly recorded: readonly Step[];
}

export function createSchedule(steps: readonly Step[], clock: LabClock, apply: (step: Step) => void): Schedule {
  const recorded: Step[] = [];
  /** Steps that wait for submits, the least number first, each as its turn was. */
  let open: { readonly step: Step; readonly turn: number; timely: boolean }[] = [];
  let submits = 0;

  function settle(): void {
    const ripe = open.filter((o) => o.timely && (o.step.afterSubmits ?? 0) <= submits);
    if (ripe.length > 0) {
      open = open.filter((o) => !ripe.includes(o));
      for (const { step } of ripe) apply(step);
    }
    const waiting = open.filter((o) => o.timely).map((o) => o.step.afterSubmits ?? 0);
    schedule.next = Math.min(Infinity, ...waiting);
  }

  const schedule = {
    next: Infinity,
    recorded,
    submitted(n: number) {
      submits = n;
      settle();
    },
    record(step: Omit<Step, 'at' | 'afterSubmits'>, n: number) {
      recorded.push({ at: Math.round((clock.now() - clock.start) * 1000) / 1000, afterSubmits: n, ...step });
    },
  };

  steps.forEach((step, turn) => {
    const entry = { step, turn, timely: step.at === undefined || step.at === 0 };
    open.push(entry);
    if (entry.timely) return;
    clock.wake(clock.start + step.at!, () => {
      entry.timely = true;
      settle();
    });
  });
  settle();
  return schedule;
}
