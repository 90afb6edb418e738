import { WireFault } from './fault.ts';
import type { Kind, Site } from './field.ts';
import { cursor, findNul, fixedAgain, latin1, latin1Again, putFixed, putLatin1 } from './octets.ts';
import type { Fields, PduTable, Values } from './pdu.ts';

/** The compiled codec of one PDU in one version. Offsets are of the body: headers belong to the protocol's frame. */
export interface Plan<F extends Fields = Fields> {
  readonly id: number;
  readonly name: string;
  readonly table: PduTable<F>;
  /** Reads the body between `o` and `end`; octets are views into `b`. Throws WireFault, never reads past `end`. */
  decode(b: Buffer, o: number, end: number): Values<F>;
  /** Writes the body at `o`, returns the offset behind it. The caller has made room for `size(value)`. */
  encode(value: Readonly<Values<F>>, b: Buffer, o: number): number;
  /** Octets that `encode` will write. */
  size(value: Readonly<Values<F>>): number;
  /** First field that is longer than its table allows, or undefined. */
  tooLong(value: Readonly<Values<F>>): string | undefined;
  /** All fields at their zero, overlaid with `part`: for PDUs built by hand. */
  fill(part: Partial<Values<F>>): Values<F>;
  /** The generated source. */
  readonly source: string;
}

/** The compiled codecs of a set of PDU tables, under the tables' names. */
export type Plans<T> = { readonly [K in keyof T]: T[K] extends PduTable<infer F> ? Plan<F> : never };

/** The codecs of a set of tables in one version. */
export interface Compiled<T> {
  /** Under the tables' names. */
  readonly named: Plans<T>;
  readonly plans: readonly Plan[];
}

/** Compiles all tables for one version. */
export function compile<T extends Readonly<Record<string, unknown>>>(tables: T, version: number): Compiled<T> {
  const named: Record<string, Plan> = {};
  for (const [key, table] of Object.entries(tables)) named[key] = plan(table as PduTable<Fields>, version);
  return { named: named as unknown as Plans<T>, plans: Object.values(named) };
}

/** By command id. */
export function plansById(plans: readonly Plan[]): ReadonlyMap<number, Plan> {
  return new Map(plans.map((p) => [p.id, p]));
}

const scope = {
  cursor,
  findNul,
  fixedAgain,
  latin1,
  latin1Again,
  putFixed,
  putLatin1,
  short: (pdu: string, field: string, o: number): never => {
    throw new WireFault('truncated', pdu, field, o);
  },
  overrun: (pdu: string, field: string, o: number): never => {
    throw new WireFault('counted-overrun', pdu, field, o);
  },
  noNul: (pdu: string, field: string, o: number, end: number): never => {
    throw new WireFault(o < end ? 'no-terminator' : 'truncated', pdu, field, o);
  },
  tooLong: (pdu: string, field: string, o: number): never => {
    throw new WireFault('value-too-long', pdu, field, o);
  },
};

/** Compiles straight-line code for one PDU and version: as quick as by hand, and every read is inside the frame. */
export function plan<F extends Fields>(table: PduTable<F>, version: number): Plan<F> {
  const uses: Record<string, object> = {};
  const gets: string[] = [];
  const puts: string[] = [];
  const sizes: string[] = ['0'];
  const checks: string[] = [];
  const entries = Object.entries(table.fields) as [string, Kind<unknown>][];
  let run: { at: number; size: number; first: string } | undefined;

  const closeRun = (): void => {
    if (run !== undefined) gets[run.at] = `if(o+${run.size}>end)short("${table.name}","${run.first}",o);`;
    run = undefined;
  };

  for (const [key, kind] of entries) {
    if (version < kind.from || version >= kind.until) {
      gets.push(`$${key}=zero.${key};`);
      continue;
    }
    const width = typeof kind.width === 'number' ? kind.width : kind.width[version];
    if (width === undefined) throw new RangeError(`${table.name}.${key}: no width for version ${version}`);
    const made = kind.uses?.(version);
    if (made !== undefined) uses[key] = made;
    const where = `"${table.name}","${key}"`;
    const site = (value: string): Site => ({ value, width, where, uses: `uses.${key}` });
    if (table.rules.lenient) {
      // Answers: a field that is not whole is left at zero, as are all behind it.
      gets.push(
        width > 0
          ? `if(o+${width}>end){$${key}=zero.${key};o=end;}else{${kind.get(site(`$${key}`))}}`
          : `if(o>=end)$${key}=zero.${key};else{${lenientGet(kind.get(site(`$${key}`)))}}`,
      );
    } else if (width > 0) {
      if (run === undefined) {
        run = { at: gets.length, size: 0, first: key };
        gets.push('');
      }
      run.size += width;
      gets.push(kind.get(site(`$${key}`)));
    } else {
      closeRun();
      gets.push(kind.get(site(`$${key}`)));
    }
    puts.push(kind.put(site(`v.${key}`)));
    sizes.push(kind.size(site(`v.${key}`)));
    if (kind.max !== Infinity) checks.push(`if(v.${key}.length>${kind.max})return "${key}";`);
  }
  closeRun();

  const keys = entries.map(([key]) => key);
  const zero = Object.fromEntries(entries.map(([key, kind]) => [key, kind.zero]));
  const source =
    `return{decode(b,o,end){let e=0,t=0${keys.map((k) => `,$${k}`).join('')};\n${gets.join('\n')}\n` +
    `return{${keys.map((k) => `${k}:$${k}`).join(',')}};},\n` +
    `encode(v,b,o){let t=0;\n${puts.join('\n')}\nreturn o;},\n` +
    `size(v){return ${sizes.join('+')};},\n` +
    `tooLong(v){${checks.join('\n')}return undefined;}}\n//# sourceURL=plan/${table.name}@${version}`;
  const names = Object.keys(scope);
  const make = new Function(...names, 'uses', 'zero', source) as (
    ...args: unknown[]
  ) => Pick<Plan<F>, 'decode' | 'encode' | 'size' | 'tooLong'>;
  const code = make(...Object.values(scope), uses, zero);
  return {
    id: table.id,
    name: table.name,
    table,
    source,
    decode: code.decode,
    encode: code.encode,
    size: code.size,
    tooLong: code.tooLong,
    fill: (part) => ({ ...(zero as Values<F>), ...part }),
  };
}

/** In an answer a last string without its NUL is taken to the end of the frame (seen: ids without NUL). */
function lenientGet(source: string): string {
  return source.replace(/if\(e===end\)noNul\([^)]*\);/, '').replace('o=e+1;', 'o=e===end?end:e+1;');
}
