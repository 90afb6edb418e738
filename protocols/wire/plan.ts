import { WireFault } from './fault.ts';
import type { Kind, Site } from './field.ts';
import { cursor, findNul, fixedAgain, latin1, latin1Again, putFixed, putLatin1 } from './octets.ts';
import type { Fields, PduTable, Values } from './pdu.ts';

/** The compiled codec of one PDU in one version. Offsets are of the body: headers belong to the protocol's frame. */
export interface Plan<F extends Fields = Fields> {
  readonly id: number;
  readonly name: string;
  readonly version: number;
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
  const puts: string[] = [];
  const sizes: string[] = ['0'];
  const checks: string[] = [];
  const layout = layoutOf(table, version);
  for (const { key, kind, site, present } of layout) {
    if (!present) continue;
    puts.push(kind.put(site(`v.${key}`)));
    sizes.push(kind.size(site(`v.${key}`)));
    if (kind.max !== Infinity) checks.push(`if(v.${key}.length>${kind.max})return "${key}";`);
  }
  const source =
    `return{${decodeSource(table, layout)},\n` +
    `encode(v,b,o){let t=0;\n${puts.join('\n')}\nreturn o;},\n` +
    `size(v){return ${sizes.join('+')};},\n` +
    `tooLong(v){${checks.join('\n')}return undefined;}}\n//# sourceURL=plan/${table.name}@${version}`;
  const code = compiled<Pick<Plan<F>, 'decode' | 'encode' | 'size' | 'tooLong'>>(source, layout);
  return {
    id: table.id,
    name: table.name,
    version,
    table,
    source,
    decode: code.decode,
    encode: code.encode,
    size: code.size,
    tooLong: code.tooLong,
    fill: (part) => ({ ...(zerosOf(layout) as Values<F>), ...part }),
  };
}

/**
 * A reader of some fields only, for those who have no use for the rest of a PDU that comes by the million: faults as
 * `decode` does, and takes half its time where texts are left out.
 */
export function pick<F extends Fields, K extends keyof F & string>(
  { table, version }: Plan<F>,
  ...keys: readonly K[]
): (b: Buffer, o: number, end: number) => Pick<Values<F>, K> {
  const layout = layoutOf(table, version);
  const source = `return{${decodeSource(table, layout, keys)}}\n//# sourceURL=pick/${table.name}@${version}`;
  return compiled<{ decode(b: Buffer, o: number, end: number): Pick<Values<F>, K> }>(source, layout).decode;
}

/** A field as it is in one version. */
interface Place {
  readonly key: string;
  readonly kind: Kind<unknown>;
  /** Absent fields are read as their zero, and not written. */
  readonly present: boolean;
  readonly width: number;
  /** Object under which the kind finds what it uses. */
  readonly uses: object | undefined;
  readonly site: (value: string) => Site;
}

function layoutOf(table: PduTable<Fields>, version: number): Place[] {
  return Object.entries(table.fields).map(([key, kind]) => {
    const present = version >= kind.from && version < kind.until;
    const width = typeof kind.width === 'number' ? kind.width : kind.width[version];
    if (present && width === undefined) throw new RangeError(`${table.name}.${key}: no width for version ${version}`);
    const known = width ?? 0;
    const where = `"${table.name}","${key}"`;
    return {
      key,
      kind,
      present,
      width: known,
      uses: present ? kind.uses?.(version) : undefined,
      site: (value) => ({ value, width: known, where, uses: `uses.${key}` }),
    };
  });
}

/** `wanted`: the fields to be read; left out: all. */
function decodeSource(table: PduTable<Fields>, layout: readonly Place[], wanted?: readonly string[]): string {
  const gets: string[] = [];
  let run: { at: number; size: number; first: string } | undefined;
  const closeRun = (): void => {
    if (run !== undefined) gets[run.at] = `if(o+${run.size}>end)short("${table.name}","${run.first}",o);`;
    run = undefined;
  };
  for (const { key, kind, present, width, site } of layout) {
    if (!present) {
      gets.push(`$${key}=zero.${key};`);
      continue;
    }
    const unwanted = wanted !== undefined && !wanted.includes(key);
    const get = (unwanted ? kind.skip : undefined)?.(site(`$${key}`)) ?? kind.get(site(`$${key}`));
    if (table.rules.lenient) {
      // Answers: a field that is not whole is left at zero, as are all behind it.
      gets.push(
        width > 0
          ? `if(o+${width}>end){$${key}=zero.${key};o=end;}else{${get}}`
          : `if(o>=end)$${key}=zero.${key};else{${lenientGet(get)}}`,
      );
    } else if (width > 0) {
      if (run === undefined) {
        run = { at: gets.length, size: 0, first: key };
        gets.push('');
      }
      run.size += width;
      gets.push(get);
    } else {
      closeRun();
      gets.push(get);
    }
  }
  closeRun();
  const keys = layout.map(({ key }) => key);
  return (
    `decode(b,o,end){let e=0,t=0${keys.map((k) => `,$${k}`).join('')};\n${gets.join('\n')}\n` +
    `return{${(wanted ?? keys).map((k) => `${k}:$${k}`).join(',')}};}`
  );
}

const zerosOf = (layout: readonly Place[]): Record<string, unknown> =>
  Object.fromEntries(layout.map(({ key, kind }) => [key, kind.zero]));

/** What the source of these fields returns. */
function compiled<T>(source: string, layout: readonly Place[]): T {
  const uses = Object.fromEntries(layout.flatMap((p) => (p.uses === undefined ? [] : [[p.key, p.uses]])));
  const make = new Function(...Object.keys(scope), 'uses', 'zero', source) as (...args: unknown[]) => T;
  return make(...Object.values(scope), uses, zerosOf(layout));
}

/** In an answer a last string without its NUL is taken to the end of the frame (seen: ids without NUL). */
function lenientGet(source: string): string {
  return source.replace(/if\(e===end\)noNul\([^)]*\);/, '').replace('o=e+1;', 'o=e===end?end:e+1;');
}
