import type { Kind } from './field.ts';

export type Fields = Readonly<Record<string, Kind<unknown>>>;
export type Value<K> = K extends Kind<infer T> ? T : never;
/** The values of a table's fields: every key in every version, absent ones at their zero, so all share one hidden class. */
export type Values<F extends Fields> = { -readonly [K in keyof F]: Value<F[K]> };

/** What else a table says of a PDU. */
export interface Rules {
  /** Who may send it; checked by the session. */
  readonly from: 'client' | 'server' | 'both';
  /** In which state; `any` includes before the bind. */
  readonly when: 'any' | 'unbound' | 'bound';
  /**
   * A frame that ends early leaves the remaining fields at zero instead of faulting: error answers come with or without
   * a body, and real peers cut their answers short.
   */
  readonly lenient: boolean;
}

/** A PDU declared once: the field order on the wire, from which codec, type and description follow. */
export interface PduTable<F extends Fields = Fields> {
  readonly id: number;
  readonly name: string;
  readonly fields: F;
  readonly rules: Rules;
}

/** The decoded form of a table: `Pdu<typeof submitSm>`. */
export type Pdu<P> = P extends PduTable<infer F> ? Values<F> : never;

const defaults: Rules = { from: 'both', when: 'bound', lenient: false };

/** Declares a PDU: command id, the specification's name, fields in wire order. */
export function definePdu<const F extends Fields>(
  id: number,
  name: string,
  fields: F,
  rules: Partial<Rules> = {},
): PduTable<F> {
  for (const key of Object.keys(fields)) {
    // The names become source text in `plan`; nothing but our own tables gets here, and this keeps it so.
    if (!/^[a-z][A-Za-z0-9]*$/.test(key)) throw new TypeError(`${name}.${key}: not a field name`);
  }
  return { id, name, fields, rules: { ...defaults, ...rules } };
}

/** `sourceAddr` → `source_addr`: the specification's spelling of a field name. */
export function specName(field: string): string {
  return field.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}
