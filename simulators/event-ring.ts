/** Whose event it is: its name may become known later. */
export interface EventSource {
  name: string;
}

/** The newest events of all carriers, for who asks now and then. */
export interface EventRing {
  /** A line of an event log. */
  add(source: EventSource, line: string): void;
  /** Those behind the n-th as JSON: the first has n = 1, and `next` is where to go on. */
  since(n: number): string;
}

/** `room`: how many are kept. */
export function createEventRing(room: number): EventRing {
  const sources = new Array<EventSource | undefined>(room);
  const lines = new Array<string>(room).fill('');
  let count = 0;

  return {
    add(source, line) {
      sources[count % room] = source;
      lines[count % room] = line;
      count++;
    },
    since(n) {
      const from = Math.min(count, Math.max(n, count - room));
      const events: string[] = [];
      for (let k = from; k < count; k++) {
        const head = `{"n":${k + 1},"carrier":${JSON.stringify(sources[k % room]!.name)},`;
        events.push(head + lines[k % room]!.slice(1));
      }
      // Behind a point that is no more: say how many are gone.
      return `{"next":${count},"missed":${Math.max(0, from - n)},"events":[${events.join(',')}]}`;
    },
  };
}
