/** A column of numbers that grows: a million cost eight megabytes (or less), and no garbage. */
export interface Column {
  get(row: number): number;
  set(row: number, value: number): void;
  /** Appends; returns the row. */
  push(value: number): number;
  readonly length: number;
}

type Numbers = Float64Array | Int32Array | Uint16Array | Uint8Array;

/** Of the kind of numbers that `make` holds. */
export function createColumn(make: new (length: number) => Numbers): Column {
  let rows = new make(1024);
  let length = 0;
  return {
    get: (row) => rows[row]!,
    set(row, value) {
      rows[row] = value;
    },
    push(value) {
      if (length === rows.length) {
        const more = new make(length * 2);
        more.set(rows);
        rows = more;
      }
      rows[length] = value;
      return length++;
    },
    get length() {
      return length;
    },
  };
}
