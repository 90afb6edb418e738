import type { Memo } from './octets.ts';

/** One width, or a width per protocol version: CMPP 3.0 grew addresses from 21 to 32 octets. */
export type Widths = number | Readonly<Record<number, number>>;

/** What the source of a field's reader and writer may refer to. */
export interface Site {
  /** Local variable (when reading) or expression (when writing) of the value. */
  readonly value: string;
  /** Octets of the field in this version; 0 where the size varies. */
  readonly width: number;
  /** `"PDU","field"`: arguments for a fault. */
  readonly where: string;
  /** Name under which the kind's `uses` object is in scope. */
  readonly uses: string;
}

/**
 * A kind of field. It carries its TypeScript type as the type of `zero`, and the source text of its reader and writer,
 * from which `plan` makes straight-line code. In that text: `b` buffer, `o` offset, `end` end of the frame.
 */
export interface Kind<T> {
  readonly zero: T;
  /** Fixed width, or 0. A run of fixed fields shares one bounds check. */
  readonly width: Widths;
  readonly from: number;
  readonly until: number;
  /** Greatest length of a string or of octets, for `check`; Infinity where the kind sets none. */
  readonly max: number;
  readonly get: (site: Site) => string;
  readonly put: (site: Site) => string;
  /** As `get`, with the same faults, for readers that have no use for the value. Left out: it costs as much to read it. */
  readonly skip?: (site: Site) => string;
  /** Octets that `put` writes, as an expression. */
  readonly size: (site: Site) => string;
  /** Helper object of the kind, for readers that are more than a line. */
  readonly uses?: (version: number) => object;
}

const always = { from: 0, until: Infinity, max: Infinity } as const;
const fixedSize = (s: Site): string => String(s.width);

export const uint8: Kind<number> = {
  ...always,
  zero: 0,
  width: 1,
  get: (s) => `${s.value}=b[o++];`,
  put: (s) => `b[o++]=${s.value};`,
  size: fixedSize,
};

/** Big-endian unsigned integer of 1, 2 or 4 octets, by version where the table says so. */
export const uint = (width: Widths): Kind<number> => ({
  ...always,
  zero: 0,
  width,
  get: (s) =>
    s.width === 1
      ? `${s.value}=b[o++];`
      : s.width === 2
        ? `${s.value}=b[o]<<8|b[o+1];o+=2;`
        : `${s.value}=(b[o]*16777216)+(b[o+1]<<16|b[o+2]<<8|b[o+3]);o+=4;`,
  put: (s) =>
    s.width === 1
      ? `b[o++]=${s.value};`
      : s.width === 2
        ? `t=${s.value};b[o]=t>>>8;b[o+1]=t;o+=2;`
        : `t=${s.value};b[o]=t>>>24;b[o+1]=t>>>16;b[o+2]=t>>>8;b[o+3]=t;o+=4;`,
  size: fixedSize,
});
export const uint16: Kind<number> = uint(2);
export const uint32: Kind<number> = uint(4);

/** IEEE double: integers to 2^53 (our ids, milliseconds) in journal events. */
export const float64: Kind<number> = {
  ...always,
  zero: 0,
  width: 8,
  get: (s) => `${s.value}=b.readDoubleBE(o);o+=8;`,
  put: (s) => `o=b.writeDoubleBE(${s.value},o);`,
  size: fixedSize,
};

/** Keeps the text that a field had last: see `fixedAgain`. */
const memo = (): Memo => ({ text: '' });

/** Text of fixed width, NUL-padded; read up to the first NUL, blanks trimmed. */
export const octets = (width: Widths): Kind<string> => ({
  ...always,
  zero: '',
  width,
  uses: memo,
  get: (s) => `${s.value}=fixedAgain(${s.uses},b,o,o+${s.width});o+=${s.width};`,
  skip: (s) => `o+=${s.width};`,
  put: (s) => `if(${s.value}.length>${s.width})tooLong(${s.where},o);o=putFixed(b,${s.value},o,${s.width});`,
  size: fixedSize,
});

/** Octets of fixed width kept whole, as a Latin-1 string of that length (digests, 64-bit ids): `''` writes zeros. */
export const raw = (width: Widths): Kind<string> => ({
  ...always,
  zero: '',
  width,
  uses: memo,
  get: (s) => `${s.value}=latin1Again(${s.uses},b,o,o+${s.width});o+=${s.width};`,
  skip: (s) => `o+=${s.width};`,
  put: (s) => `if(${s.value}.length>${s.width})tooLong(${s.where},o);o=putFixed(b,${s.value},o,${s.width});`,
  size: fixedSize,
});

/** As `octets`, for the last field of a PDU: a peer may send it short or not at all. Written whole. */
export const tail = (width: Widths): Kind<string> => ({
  ...octets(width),
  width: 0,
  ...widthLater(width, (s, w) => ({
    get: `e=o+${w}<end?o+${w}:end;${s.value}=fixedAgain(${s.uses},b,o,e);o=e;`,
    put: `if(${s.value}.length>${w})tooLong(${s.where},o);o=putFixed(b,${s.value},o,${w});`,
    size: String(w),
  })),
});

/** As `tail`, octets kept whole. */
export const rawTail = (width: Widths): Kind<string> => ({
  ...octets(width),
  width: 0,
  ...widthLater(width, (s, w) => ({
    get: `e=o+${w}<end?o+${w}:end;${s.value}=latin1Again(${s.uses},b,o,e);o=e;`,
    put: `if(${s.value}.length>${w})tooLong(${s.where},o);o=putFixed(b,${s.value},o,${w});`,
    size: String(w),
  })),
});

/** A width that the bounds check must not count: the version is read from `uses`. */
function widthLater(
  width: Widths,
  source: (s: Site, w: string) => { get: string; put: string; size: string },
): Pick<Kind<string>, 'get' | 'skip' | 'put' | 'size' | 'uses'> {
  return {
    uses: (version) => ({ ...memo(), w: typeof width === 'number' ? width : (width[version] ?? 0) }),
    get: (s) => source(s, `${s.uses}.w`).get,
    skip: (s) => `o=o+${s.uses}.w<end?o+${s.uses}.w:end;`,
    put: (s) => source(s, `${s.uses}.w`).put,
    size: (s) => source(s, `${s.uses}.w`).size,
  };
}

/** NUL-terminated text of at most `max` octets with its NUL. Read to the NUL wherever it is; `check` says what is too long. */
export const cstring = (max: number): Kind<string> => ({
  ...always,
  zero: '',
  width: 0,
  max: max - 1,
  uses: memo,
  get: (s) => `e=findNul(b,o,end);if(e===end)noNul(${s.where},o,end);${s.value}=latin1Again(${s.uses},b,o,e);o=e+1;`,
  put: (s) => `o=putLatin1(b,${s.value},o);b[o++]=0;`,
  size: (s) => `${s.value}.length+1`,
});

/** A length octet, then that many octets: a view into the frame, valid for this turn only. */
export const counted = (max = 255): Kind<Uint8Array> => ({
  ...always,
  zero: new Uint8Array(0),
  width: 0,
  max,
  get: (s) =>
    `if(o>=end)short(${s.where},o);e=o+1+b[o];if(e>end)overrun(${s.where},o);${s.value}=b.subarray(o+1,e);o=e;`,
  put: (s) => `t=${s.value}.length;if(t>255)tooLong(${s.where},o);b[o]=t;b.set(${s.value},o+1);o+=1+t;`,
  size: (s) => `1+${s.value}.length`,
});

/** A two-octet length, then that many octets (journal events). */
export const counted16: Kind<Uint8Array> = {
  ...always,
  zero: new Uint8Array(0),
  width: 0,
  get: (s) =>
    `if(o+2>end)short(${s.where},o);e=o+2+(b[o]<<8|b[o+1]);if(e>end)overrun(${s.where},o);${s.value}=b.subarray(o+2,e);o=e;`,
  put: (s) => `t=${s.value}.length;if(t>65535)tooLong(${s.where},o);b[o]=t>>>8;b[o+1]=t;b.set(${s.value},o+2);o+=2+t;`,
  size: (s) => `2+${s.value}.length`,
};

/** A four-octet length, then that many octets: a view into the frame, valid for this turn only. */
export const counted32: Kind<Uint8Array> = {
  ...always,
  zero: new Uint8Array(0),
  width: 0,
  get: (s) =>
    `if(o+4>end)short(${s.where},o);e=o+4+b[o]*16777216+(b[o+1]<<16|b[o+2]<<8|b[o+3]);if(e>end)overrun(${s.where},o);` +
    `${s.value}=b.subarray(o+4,e);o=e;`,
  put: (s) => `t=${s.value}.length;b[o]=t>>>24;b[o+1]=t>>>16;b[o+2]=t>>>8;b[o+3]=t;b.set(${s.value},o+4);o+=4+t;`,
  size: (s) => `4+${s.value}.length`,
};

/** All octets to the end of the frame: a view, valid for this turn only. */
export const restOctets: Kind<Uint8Array> = {
  ...always,
  zero: new Uint8Array(0),
  width: 0,
  get: (s) => `${s.value}=b.subarray(o,end);o=end;`,
  put: (s) => `b.set(${s.value},o);o+=${s.value}.length;`,
  size: (s) => `${s.value}.length`,
};

/** A length octet, then Latin-1 text (journal events). */
export const text8: Kind<string> = {
  ...always,
  zero: '',
  width: 0,
  max: 255,
  get: (s) => `if(o>=end)short(${s.where},o);e=o+1+b[o];if(e>end)overrun(${s.where},o);${s.value}=latin1(b,o+1,e);o=e;`,
  put: (s) => `t=${s.value}.length;if(t>255)tooLong(${s.where},o);b[o]=t;o=putLatin1(b,${s.value},o+1);`,
  size: (s) => `1+${s.value}.length`,
};

/** A count octet, then that many items of one fixed-width kind. */
export const repeat = (item: Kind<string>): Kind<readonly string[]> => ({
  ...always,
  zero: [],
  width: 0,
  uses: (version) => ({ ...memo(), w: typeof item.width === 'number' ? item.width : (item.width[version] ?? 0) }),
  get: (s) =>
    `if(o>=end)short(${s.where},o);t=b[o++];if(o+t*${s.uses}.w>end)overrun(${s.where},o);${s.value}=new Array(t);` +
    `for(let i=0;i<t;i++,o+=${s.uses}.w)${s.value}[i]=fixedAgain(${s.uses},b,o,o+${s.uses}.w);`,
  put: (s) =>
    `t=${s.value}.length;if(t>255)tooLong(${s.where},o);b[o++]=t;` +
    `for(const x of ${s.value}){if(x.length>${s.uses}.w)tooLong(${s.where},o);o=putFixed(b,x,o,${s.uses}.w);}`,
  size: (s) => `1+${s.value}.length*${s.uses}.w`,
});

/** Reader and writer of a field that a line cannot say. `read` leaves the offset behind its value in `cursor.at`. */
export interface Custom<T> {
  read(b: Buffer, o: number, end: number): T;
  write(value: T, b: Buffer, o: number): number;
  size(value: T): number;
}

/** A field with a reader and a writer of its own, made per version. */
export const custom = <T>(zero: T, make: (version: number) => Custom<T>): Kind<T> => ({
  ...always,
  zero,
  width: 0,
  uses: make,
  get: (s) => `${s.value}=${s.uses}.read(b,o,end);o=cursor.at;`,
  put: (s) => `o=${s.uses}.write(${s.value},b,o);`,
  size: (s) => `${s.uses}.size(${s.value})`,
});

/** The field exists from this version on. */
export const since = <T>(version: number, kind: Kind<T>): Kind<T> => ({ ...kind, from: version });
/** The field exists until before this version. */
export const until = <T>(version: number, kind: Kind<T>): Kind<T> => ({ ...kind, until: version });
