/** A FIFO that also takes back at the front (a throttled message keeps its place). Grows by doubling, never shifts. */
export interface Ring<T> {
  readonly length: number;
  push(item: T): void;
  unshift(item: T): void;
  shift(): T | undefined;
  peek(): T | undefined;
  /** Takes out everything, oldest first. */
  drain(): T[];
  /** Oldest first. */
  [Symbol.iterator](): Iterator<T>;
}

export function createRing<T>(): Ring<T> {
  let slots: (T | undefined)[] = new Array(16);
  let mask = 15;
  let head = 0;
  let length = 0;

  const grow = (): void => {
    const next: (T | undefined)[] = new Array(slots.length * 2);
    for (let i = 0; i < length; i++) next[i] = slots[(head + i) & mask];
    slots = next;
    mask = next.length - 1;
    head = 0;
  };

  return {
    get length() {
      return length;
    },
    push(item) {
      if (length > mask) grow();
      slots[(head + length++) & mask] = item;
    },
    unshift(item) {
      if (length > mask) grow();
      head = (head - 1) & mask;
      slots[head] = item;
      length++;
    },
    shift() {
      if (length === 0) return undefined;
      const item = slots[head];
      slots[head] = undefined;
      head = (head + 1) & mask;
      length--;
      return item;
    },
    peek() {
      return length === 0 ? undefined : slots[head];
    },
    drain() {
      const all: T[] = [];
      for (let i = 0; i < length; i++) {
        all.push(slots[(head + i) & mask] as T);
        slots[(head + i) & mask] = undefined;
      }
      head = 0;
      length = 0;
      return all;
    },
    *[Symbol.iterator]() {
      for (let i = 0; i < length; i++) yield slots[(head + i) & mask] as T;
    },
  };
}
