// The configuration, declared once: from this schema follow the checks of load.ts, the types that the rest of the
// house codes against, and the reference in docs/config.md (reference.ts).
import { z } from 'zod';
import { resultOctet } from '../../protocols/sgip/result.ts';
import { STATE } from '../../protocols/smpp/receipt.ts';
import { tlvTag } from '../../protocols/smpp/tlv-tags.ts';
import { LEGACY_CODINGS } from '../../protocols/text/legacy.ts';
import { NATIONAL_CODINGS } from '../../protocols/text/national.ts';

// ---- scalar kinds ----------------------------------------------------------------------------------------------

const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const OCTETS = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

/** "500ms", "30s", "5m", "72h", "3d" (or 0) in milliseconds; undefined where it is none of these. */
export function parseDuration(given: string | number): number | undefined {
  if (given === 0) return 0;
  const match = /^(\d{1,12}(?:\.\d{1,3})?)\s?(ms|s|m|h|d)$/.exec(String(given));
  if (!match) return undefined;
  const ms = Math.round(Number(match[1]) * MS[match[2] as keyof typeof MS]);
  return ms <= 3650 * MS.d ? ms : undefined;
}

/** "256MiB", "64GiB", "10MB" (or a plain number of octets) in octets; undefined where it is none of these. */
export function parseOctets(given: string | number): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,3})?)\s?([KMGT]i?B|B)?$/.exec(String(given));
  if (!match) return undefined;
  const octets = Math.round(Number(match[1]) * OCTETS[(match[2] ?? 'B') as keyof typeof OCTETS]);
  return Number.isSafeInteger(octets) ? octets : undefined;
}

/** A socket address as the configuration writes it: "127.0.0.1:2775", "[::1]:2775", "localhost:0". */
export type Address = { host: string; port: number };

/** Splits "host:port" ("[v6]:port"); undefined where it is not one. */
export function parseAddress(given: string): Address | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(given);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port <= 65535) || (match?.[1] !== undefined && !z.ipv6().safeParse(host).success))
    return undefined;
  return { host, port };
}

/** A text that `parse` turns into the value the house works with; `kind` is what the reference calls it. */
function parsed<T>(kind: string, expected: string, parse: (given: string | number) => T | undefined) {
  return z
    .union([z.string(), z.number()], { error: expected })
    .transform((given, context): T => {
      const value = parse(given);
      if (value !== undefined) return value;
      context.addIssue({ code: 'custom', message: `${expected}, got ${JSON.stringify(given)}` });
      return z.NEVER;
    })
    .meta({ kind });
}

const duration = () =>
  parsed('duration', 'expected a duration above 0, such as 500ms, 30s, 5m, 72h or 3d', (given) => {
    const ms = parseDuration(given);
    return ms === 0 ? undefined : ms;
  });
const durationOrZero = () =>
  parsed('duration', 'expected a duration such as 0s, 500ms, 30s, 5m, 72h or 3d', parseDuration);
const octets = () =>
  parsed('size', 'expected a size such as 512KiB, 256MiB or 64GiB', (given) => parseOctets(given) || undefined);
const TRACE_MAX = 2 ** 31;
const traceOctets = () =>
  parsed('size', 'expected 0, or a size such as 16MiB, up to 2GiB', (given) => {
    const size = parseOctets(given);
    return size === undefined || size > TRACE_MAX ? undefined : size;
  });
const address = () =>
  parsed('address', 'expected host:port, such as 127.0.0.1:2775 or [::1]:2775', (given) => parseAddress(String(given)));

const count = (max = 2 ** 31 - 1) => z.int().min(1).max(max);
const countOrZero = (max = 2 ** 31 - 1) => z.int().min(0).max(max);
const octet = () => z.int().min(0).max(255);
const text = (max: number) =>
  z
    .string()
    .regex(/^[\x20-\x7e]*$/, 'expected printable ASCII')
    .max(max, `expected at most ${max} octets (the width of the field in the protocol)`);
const name = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a name of letters, digits, ".", "_" and "-"')
    .meta({ kind: 'name' });
const path = () => z.string().min(1, 'expected a path').meta({ kind: 'path' });
const cidr = () =>
  z
    .union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
      error: 'expected an address or CIDR, such as 10.0.0.0/8 or 2001:db8::/32',
    })
    .meta({ kind: 'CIDR' });
const pattern = () =>
  z
    .string()
    .regex(/^[^*\s]*\*?$/, 'expected a number or name, with "*" at most at its end')
    .min(1, 'expected a number or name, with "*" at most at its end')
    .meta({ kind: 'pattern' });
const digits = () =>
  z
    .string()
    .regex(/^\d{0,21}$/, 'expected digits only, without + or 00')
    .meta({ kind: 'digits' });

// ---- secrets ---------------------------------------------------------------------------------------------------

const env = z.strictObject({
  env: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable')
    .describe('Environment variable that holds it'),
});
const file = z.strictObject({ file: path().describe('File that holds it (one newline at the end is dropped)') });
const demo = z.strictObject({
  demo: z.string().min(1, 'expected a password').describe('In clear; only with `demo: true`'),
});
const scrypt = z.strictObject({
  scrypt: z
    .string()
    .regex(
      /^scrypt\$\d+\$\d+\$\d+\$[A-Za-z0-9+/]+=*\$[A-Za-z0-9+/]+=*$/,
      'expected scrypt$N$r$p$salt$hash, as `yima hash` prints it',
    )
    .describe('Hash of it: `scrypt$N$r$p$salt$hash`'),
});

// The message never repeats what was given: it may be a password.
const secret = () =>
  z
    .union([env, file, demo], {
      error: 'expected one of { env: NAME }, { file: path } or, in the demo only, { demo: "text" }',
    })
    .meta({ kind: 'secret' });
const password = () =>
  z
    .union([scrypt, env, file, demo], {
      error:
        'expected one of { scrypt: "scrypt$…" }, { env: NAME }, { file: path } or, in the demo only, { demo: "text" }',
    })
    .meta({ kind: 'secret or hash' });

// ---- shared choices --------------------------------------------------------------------------------------------

/** Protocols that platforms may speak. */
const platformProtocol = () => z.enum(['smpp', 'cmpp', 'sgip', 'smgp']);
/** What becomes of a message whose outcome a crash or a lost bind left unknown. */
const onUnknown = () => z.enum(['resend', 'fail']);
/** What data_coding 0 (SMSC default alphabet) means to this peer (SMPP 3.4 §5.2.19). */
const defaultAlphabet = () => z.enum(['gsm7', 'latin1', 'ascii', 'utf8']);
/** How a peer's octets are read where SMPP leaves it open, or the peer does not keep to it. */
const reading = {
  dataCodings: z
    .record(
      z.string().regex(/^(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])$/, 'expected a data_coding from 0 to 255'),
      z.enum(['gsm7', 'ascii', 'latin1', ...LEGACY_CODINGS, 'ucs2', 'octets']),
    )
    .default({})
    .describe(
      'Codings by data_coding, for a peer that does not keep to the table of SMPP, such as `{ 1: gsm7 }`: so it is read, and the lowest number of a coding is sent',
    )
    .meta({ kind: 'table of data_coding and coding' }),
  packed: z
    .boolean()
    .default(false)
    .describe('GSM 7-bit text travels packed, eight characters in seven octets, as on the air'),
  trailingNulls: z
    .enum(['auto', 'keep', 'strip'])
    .default('auto')
    .describe(
      'Zero octets at the end of a text: strip, keep (zero is `@` in GSM 03.38), or auto: strip in alphabets where zero is no character',
    ),
} as const;
/** Type of number and numbering plan of an address. */
const addressForm = () =>
  z
    .union([z.enum(['auto', 'content']), octet()], { error: 'expected auto, content or a number from 0 to 255' })
    .default('auto');
const TLV_EXPECTED = 'expected the name of an SMPP parameter such as user_message_reference, or a tag such as 0x1400';
/** A TLV by its SMPP name in snake_case or by its tag. */
const tlv = () =>
  z
    .union([z.string().refine((given) => tlvTag(given) !== undefined, TLV_EXPECTED), z.int().min(1).max(0xffff)], {
      error: TLV_EXPECTED,
    })
    .meta({ kind: 'TLV name or tag' });
/** YAML reads an unquoted 3.0 as the number 3, which can only mean this version. */
const version = <const V extends string>(...versions: V[]) =>
  z
    .preprocess((given) => (typeof given === 'number' ? given.toFixed(1) : given), z.enum(versions))
    .meta({ kind: versions.map((v) => `"${v}"`).join(' | ') });
/** How a peer wants mainland mobile numbers. */
const numberForm = () => z.literal(['given', 'plain', '86', '+86', '0086']);
const code = () => z.int().min(0).max(0xffffffff);
/** A code of one octet, also as tables print it that take it for a signed number. */
const octetCode = () =>
  z
    .int()
    .min(-128)
    .max(255)
    .transform((printed) => resultOctet(printed) ?? printed)
    .meta({ kind: 'whole number, -128–255' });

// ---- node, log, store, admin -----------------------------------------------------------------------------------

const node = z.strictObject({
  name: name().default('yima').describe('Name of this process in logs, metrics and message ids'),
  code: countOrZero(65_535)
    .optional()
    .describe(
      'Number of this process in the ids that CMPP and SMGP platforms are given (网关代码); no two processes that serve one platform may have the same. If left out it is made from `name`',
    ),
  smgNodeId: z
    .int()
    .min(0)
    .max(0xffffffff)
    .default(0)
    .describe('Node number of this process in the sequence numbers that SGIP platforms are sent (1AAAAX of an SMG)'),
  data: path().default('./data').describe('Folder of the store; relative to the working directory'),
  stopWithin: duration().prefault('10s').describe('Longest time a graceful stop (SIGTERM) may take'),
});

const log = z.strictObject({
  level: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
    .default('info')
    .describe('Least severe level that is written'),
  text: z
    .boolean()
    .default(false)
    .describe('Also write message texts and full numbers, at debug level only; leave off in production'),
});

const store = z.strictObject({
  engine: z.enum(['lmdb']).default('lmdb').describe('Where the journal and the cold index live'),
  maxOctets: octets()
    .prefault('64GiB')
    .describe('Largest size of the store on disk; beyond it intake is refused loudly'),
  commitDelay: durationOrZero()
    .prefault('2ms')
    .describe('How long a small batch may wait for company before it is committed'),
  journalKeep: octets().prefault('256MiB').describe('Journal written between two checkpoints'),
  hotMessages: count()
    .default(1_500_000)
    .describe('Messages kept in memory; beyond it waiting ones move to the cold index, then intake is busy'),
  coldAfter: duration()
    .prefault('15m')
    .describe('A message that has waited this long for its report moves to the cold index'),
  parkedMax: countOrZero()
    .default(1_000_000)
    .describe('Reports kept that came before (or without) the answer they belong to'),
});

const admin = z.strictObject({
  listen: address().prefault('127.0.0.1:9464').describe('HTTP address of /metrics, /healthz and /readyz'),
});

const trace = z.strictObject({
  memory: traceOctets()
    .prefault('16MiB')
    .describe('Newest octets of all sessions kept in memory for `yima trace`; 0: none'),
});

// ---- listeners -------------------------------------------------------------------------------------------------

const listenerTls = z.strictObject({
  cert: path().describe('Certificate chain, PEM'),
  key: path().describe('Private key, PEM'),
  ca: path().optional().describe('Authorities that client certificates must come from, PEM'),
  clientCertificate: z
    .enum(['none', 'request', 'require'])
    .default('none')
    .describe('Whether platforms must show a certificate'),
});

export const listenerSchema = z.strictObject({
  name: name().describe('Name in logs and metrics; unique'),
  protocol: platformProtocol().describe('Protocol spoken by platforms here'),
  listen: address().describe('Address to listen on; port 0 takes any free port'),
  tls: listenerTls.optional().describe('TLS; plain TCP if left out'),
  proxyProtocol: z
    .strictObject({
      trusted: z
        .array(cidr())
        .min(1, 'expected at least one address or CIDR')
        .describe('Proxies whose header is believed; others are cut'),
    })
    .optional()
    .describe('PROXY protocol v1 and v2: take the platform address from the header of a trusted proxy'),
  maxConnections: count(1_000_000).default(1_000).describe('Open sockets; more are closed at once'),
  bindTimeout: duration().prefault('10s').describe('A socket that has not bound by then is closed'),
  enquireLink: duration().prefault('30s').describe('Idle time after which the platform is probed'),
  misses: count(100).default(3).describe('Unanswered probes before the session is closed'),
  responseTimeout: duration().prefault('30s').describe('How long a platform may take to answer a request of ours'),
  systemId: text(15).default('YIMA').describe('system_id given in bind_resp'),
  intake: count(1_000_000)
    .default(1_000)
    .describe('Requests of one session taken but not yet answered before its socket is no longer read'),
  idleClose: duration()
    .prefault('60s')
    .describe('SGIP only: a connection without traffic for so long is closed; it has nothing to be probed with'),
});

// ---- accounts --------------------------------------------------------------------------------------------------

const receipts = z.strictObject({
  join: z
    .enum(['all', 'firstFailure', 'last', 'worst'])
    .default('all')
    .describe(
      'How the reports of segments that Yima made become one receipt: when all have come, at the first failure, the last one, the worst one',
    ),
  to: z
    .enum(['any', 'submitter'])
    .default('any')
    .describe('Binds that may take receipts: every receiving bind of the account, or the one that submitted'),
  keep: duration().prefault('72h').describe('How long a receipt or MO waits for the platform to bind'),
  request: z
    .enum(['asked', 'always', 'never'])
    .default('asked')
    .describe('When a receipt is sent: as registered_delivery asks, always, or never'),
  intermediate: z
    .boolean()
    .default(false)
    .describe('Also pass on intermediate states, if registered_delivery asks for them'),
  form: z
    .enum(['text', 'tlv', 'both'])
    .default('both')
    .describe('Receipt as text, as TLVs (receipted_message_id, message_state), or both'),
  idForm: z
    .enum(['decimal', 'hex'])
    .default('decimal')
    .describe('How message_id is written in submit_sm_resp and in receipts'),
  seconds: z
    .boolean()
    .default(false)
    .describe('Dates in the text with seconds (YYMMDDhhmmss), as many expect, or without, as SMPP has them'),
  zone: z
    .string()
    .regex(/^[+-](0\d|1[0-4]):[0-5]\d$/, 'expected hours and minutes from UTC, such as "+08:00"')
    .default('+00:00')
    .transform((zone) => (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4))) * (zone.startsWith('-') ? -1 : 1))
    .meta({ kind: 'zone' })
    .describe('Zone of the dates in the text (quote it)'),
  errors: z
    .record(z.string().min(1, 'expected a code or word of a carrier'), text(3))
    .default({})
    .describe(
      'err: of receipts by the word or code of the carrier (`MK:0001`, `REJECTD`, `ESME_RINVDSTADR`), or by what it begins with (`MK:*`); what is not listed gives the digits at its end',
    )
    .meta({ kind: 'table of words and err' }),
});

const sgipAccount = z.strictObject({
  reports: z
    .enum(['callback', 'same'])
    .default('callback')
    .describe(
      'Where reports and MO are brought: over a connection that Yima makes to the platform (Login Type 2), or down the connection on which it submits',
    ),
  callback: z
    .strictObject({
      host: z.string().min(1, 'expected a host').describe('Host where the platform listens for reports and MO'),
      port: z.int().min(1).max(65535).default(8801).describe('Port'),
      systemId: text(16).min(1, 'expected a login name').describe('Login Name that it expects of us'),
      password: secret().describe('Login Password that it expects of us'),
      binds: count(100).default(1).describe('Connections at the same time'),
    })
    .optional()
    .describe('Where to connect to the platform; needed for `reports: callback`'),
  idleClose: duration()
    .prefault('60s')
    .describe('A connection without traffic for so long is closed (there is no keepalive); the next report opens one'),
});

const cmppAccount = z.strictObject({
  charging: z
    .enum(['carrier', 'platform'])
    .default('carrier')
    .describe(
      'Whose Service_Id, Fee_UserType, Fee_terminal_Id, FeeType and FeeCode a CMPP carrier gets: those of the carrier, or those of the SUBMIT of the platform',
    ),
});

const smgpAccount = z.strictObject({
  text: z
    .enum(['gbk', 'ucs2', 'asGiven'])
    .default('gbk')
    .describe(
      'MsgFormat of its MO: 15 (GB18030), which the specification wants, or 8, wherever that holds the text; or as the carrier gave it, which the parts of a long one always are',
    ),
});

export const accountSchema = z.strictObject({
  name: name().describe('Name in logs, metrics and records; unique'),
  protocol: platformProtocol().default('smpp').describe('Protocol that it speaks, on a listener of that protocol'),
  systemId: text(16)
    .min(1, 'expected a system_id')
    .describe(
      'Login name of its binds: system_id (at most 15 octets), Source_Addr (CMPP, 6), Login Name (SGIP, 16), ClientID (SMGP, 8); unique among those of one protocol',
    ),
  password: password().describe(
    'Password of its binds: a hash, or a reference. No hash for CMPP and SMGP, whose platforms show a digest',
  ),
  allowedIps: z.array(cidr()).default([]).describe('Addresses it may bind from; empty: from everywhere'),
  allowedSources: z
    .array(pattern())
    .default([])
    .describe('Source addresses it may use, `*` at the end stands for anything; empty: all'),
  enabled: z.boolean().default(true).describe('Whether it may bind and submit'),
  maxBinds: count(10_000).default(10).describe('Binds at the same time'),
  window: count(65_536).default(100).describe('Receipts and MO sent but unanswered, per bind'),
  throughput: countOrZero().default(0).describe('Segments it may submit per second over all binds; 0: no limit'),
  priority: z.enum(['normal', 'high']).default('normal').describe('high: all its messages take the priority lane'),
  route: name().describe('Route its messages take'),
  receipts: receipts.prefault({}).describe('Delivery receipts'),
  cmpp: cmppAccount.prefault({}).describe('CMPP only'),
  onUnknown: onUnknown()
    .optional()
    .describe(
      'After a crash or lost bind left the outcome unknown: send again (marked as a possible duplicate) or fail; if left out, as the carrier says, else resend',
    ),
  tlvs: z.array(tlv()).default([]).describe('TLVs passed through, both ways and into receipts, by name or tag'),
  defaultAlphabet: defaultAlphabet().default('gsm7').describe('What data_coding 0 means on its binds'),
  ...reading,
  interfaceVersion: octet()
    .default(0x50)
    .describe('Highest version of SMPP spoken on its binds, whatever they ask for; up to 0x33 no TLV is sent'),
  deliverBy: z
    .enum(['deliver_sm', 'data_sm'])
    .default('deliver_sm')
    .describe('PDU that receipts and MO are brought with (data_sm from SMPP 3.4 on)'),
  lists: z
    .record(
      z.string().regex(/^[\x21-\x7e]{1,20}$/, 'expected the name of a list: 1 to 20 printable characters'),
      z
        .array(z.string().regex(/^\+?\d{3,20}$/, 'expected a number'))
        .min(1, 'expected at least one number')
        .max(10_000, 'expected at most 10000 numbers'),
    )
    .default({})
    .describe('Distribution lists that it may name in submit_multi: numbers by dl_name')
    .meta({ kind: 'table of names and numbers' }),
  busy: z
    .enum(['throttled', 'queueFull'])
    .default('throttled')
    .describe('Answer when no carrier has room: ESME_RTHROTTLED or ESME_RMSGQFUL'),
  validity: duration().prefault('48h').describe('Validity of messages that give none'),
  mo: z
    .array(digits().min(1, 'expected digits'))
    .default([])
    .describe('Prefixes of called numbers whose MO go to this account; the longest match wins'),
  moForm: z
    .enum(['whole', 'cut', 'segments'])
    .default('whole')
    .describe(
      'Long MO: joined and in one PDU (SMPP, in message_payload above 254 octets; other protocols as `cut`), joined and cut again into segments, in order, where one PDU is too short, or the segments as and when they come',
    ),
  numbers: numberForm()
    .default('given')
    .describe(
      'How mainland mobile numbers are written to it, in receipts and MO: as it gave them itself or the carrier did, 138…, 86138…, +86138… or 0086138… (quote it)',
    ),
  moCalled: z
    .enum(['full', 'extension'])
    .default('full')
    .describe('Called number of its MO: as the carrier gives it, or without the access code of the carrier'),
  extensions: z
    .array(digits().min(1, 'expected digits'))
    .default([])
    .describe(
      'Digits behind the access code of a carrier that are its own (扩展号): MO to them are its, and a source address that is empty or begins with one of them goes out behind the access code, an empty one as the first',
    ),
  sgip: sgipAccount.prefault({}).describe('SGIP only'),
  smgp: smgpAccount.prefault({}).describe('SMGP only'),
});

// ---- carriers --------------------------------------------------------------------------------------------------

const carrierTls = z.strictObject({
  ca: path().optional().describe('Authorities that its certificate must come from, PEM; the system ones if left out'),
  cert: path().optional().describe('Certificate of ours to show, PEM'),
  key: path().optional().describe('Private key of it, PEM'),
  serverName: z.string().min(1).optional().describe('Name its certificate must carry; `host` if left out'),
  verify: z.boolean().default(true).describe('Whether its certificate is checked'),
});

const codes = (protocol: { throttled: number[]; retry: number[] }, one: () => z.ZodType<number, number> = code) =>
  z
    .strictObject({
      throttled: z
        .array(one())
        .prefault(protocol.throttled)
        .describe('Codes that mean "too fast": slow down, keep the order, no attempt counted'),
      retry: z.array(one()).prefault(protocol.retry).describe('Temporary codes: sent again with backoff while valid'),
      next: z.array(one()).prefault([]).describe('Codes after which the next carrier is tried'),
      permanent: z.array(one()).prefault([]).describe('Codes that end the message'),
      default: z.enum(['retry', 'next', 'permanent']).default('permanent').describe('Class of codes listed nowhere'),
    })
    .prefault({});

/** The form of a carrier's ids, with what is likeliest in its protocol. */
const idForm = (preset: 'learn' | 'exact') =>
  z
    .enum(['learn', 'exact', 'caseFolded', 'zerosTrimmed', 'hexToDecimal', 'decimalToHex'])
    .default(preset)
    .describe(
      'How the ids in its reports relate to those in its responses: learned from the first reports, the same octets, the same but for case, but for leading zeros, response hex and report decimal, or the other way',
    );

const carrierKeys = {
  name: name().describe('Name in routes, logs, metrics and records; unique'),
  host: z.string().min(1, 'expected a host').describe('Host to dial'),
  port: z.int().min(1).max(65535).describe('Port to dial'),
  tls: carrierTls.optional().describe('TLS; plain TCP if left out'),
  binds: count(1_000).default(1).describe('Binds kept up'),
  window: count(65_536).default(16).describe('Requests sent but unanswered, per bind'),
  throughput: countOrZero().default(0).describe('Segments per second over all binds; 0: no limit'),
  queue: z
    .strictObject({
      max: count().default(100_000).describe('Messages queued; beyond it the carrier has no room'),
      maxWait: duration().prefault('5m').describe('Expected wait in its queue; beyond it the carrier has no room'),
    })
    .prefault({})
    .describe('When the carrier has no room'),
  keepalive: duration().prefault('30s').describe('Idle time after which the carrier is probed'),
  misses: count(100).default(3).describe('Unanswered probes before the bind is closed'),
  responseTimeout: duration().prefault('60s').describe('How long it may take to answer a request'),
  bindTimeout: duration().prefault('10s').describe('How long connecting and binding may take'),
  reconnect: z
    .strictObject({
      from: duration().prefault('1s').describe('First pause after a lost or failed bind'),
      to: duration().prefault('60s').describe('Longest pause; pauses double, with jitter'),
      credentialTries: count(1_000)
        .default(3)
        .describe('Refused passwords in a row before dialling stops with an alarm'),
      alreadyBound: duration().prefault('60s').describe('Pause of a bind that was refused as "already bound"'),
    })
    .prefault({})
    .describe('Dialling again'),
  receiptWindow: duration()
    .prefault('72h')
    .describe('How long a report is waited for; then the message ends as UNKNOWN'),
  onUnknown: onUnknown()
    .optional()
    .describe(
      'After a crash or lost bind left the outcome unknown: send again (marked as a possible duplicate) or fail; the account comes first, then this, then resend',
    ),
  retry: z
    .strictObject({
      from: duration().prefault('1s').describe('First pause'),
      to: duration().prefault('60s').describe('Longest pause'),
    })
    .prefault({})
    .describe('Backoff after temporary codes'),
  idForm: idForm('learn'),
  numbers: numberForm()
    .default('plain')
    .describe(
      'How mainland mobile numbers are written to it: as the platform gave them, 138…, 86138…, +86138… or 0086138… (quote it)',
    ),
  choose: z
    .enum(['smallest', 'preferred'])
    .default('smallest')
    .describe(
      'Which of the codings that hold a text it goes out in: the one with the fewest segments, the earlier one of two, or the first in `coding`',
    ),
  signature: z
    .enum(['asGiven', 'first', 'last'])
    .default('asGiven')
    .describe(
      'Where it wants the signature 【…】 of a text: as the platform put it, at the start, or at the end (whole in the last segment). Moved only, never added; segments that a platform cut itself are left alone',
    ),
  reserve: z
    .strictObject({
      head: countOrZero(30).default(0).describe('Before the text, in the first segment'),
      tail: countOrZero(30).default(0).describe('Behind the text, in the last segment'),
    })
    .prefault({})
    .describe(
      'Characters that it adds itself, such as its own signature or how to opt out: kept free in the texts that Yima cuts',
    ),
  accessCode: digits()
    .default('')
    .describe(
      'Access code that the carrier gave us, such as 1069000188 (接入号); extensions of accounts stand behind it',
    ),
  mo: z
    .strictObject({
      account: name()
        .optional()
        .describe('Account for MO whose called number no account lists; without it they are refused'),
      joinWithin: duration()
        .prefault('5m')
        .describe(
          'How long the first part of a long MO waits for the others; then what came goes out: joined, in SMPP with TLV 0x3F5B, or as the segments that came',
        ),
    })
    .prefault({})
    .describe('Messages from mobiles'),
};

/** The words of SMPP for the final and other states, as a table of a carrier's own words names them. */
const states = Object.keys(STATE) as [keyof typeof STATE, ...(keyof typeof STATE)[]];
const carrierReceipts = z.strictObject({
  sniff: z
    .boolean()
    .default(false)
    .describe(
      'Also take a message for a receipt that is not marked as one, if its text has both id: and stat: (whoever can send MO can then forge receipts)',
    ),
  stateFrom: z.enum(['tlv', 'text']).default('tlv').describe('Which counts where message_state and stat: disagree'),
  idFrom: z
    .enum(['tlv', 'text'])
    .default('tlv')
    .describe('Which is looked for first where receipted_message_id and id: disagree; then the other'),
  words: z
    .record(
      z.string().min(1, 'expected a word'),
      z
        .enum(states)
        .transform((name) => STATE[name])
        .meta({ kind: states.join(' | ') }),
    )
    .transform((words) => Object.fromEntries(Object.entries(words).map(([word, state]) => [word.toUpperCase(), state])))
    .default({})
    .describe('States of words of its own in stat:, such as `{ BLOCKED: rejected }`')
    .meta({ kind: 'table of words and states' }),
});

export const cmppCarrierSchema = z.strictObject({
  ...carrierKeys,
  protocol: z.literal('cmpp').describe('Protocol of the carrier'),
  coding: z
    .array(z.enum(['ascii', 'gbk', 'ucs2']))
    .min(1, 'expected at least one coding')
    .default(['gbk', 'ucs2'])
    .describe('Codings it takes, the preferred first'),
  longMessage: z
    .enum(['udh8', 'udh16'])
    .default('udh8')
    .describe('How segments of a long message are marked: UDH with an 8- or 16-bit reference'),
  codes: codes({ throttled: [8], retry: [] }).describe('Classes of CMPP_SUBMIT_RESP Result'),
  version: version('2.0', '2.1', '3.0').describe('CMPP version'),
  spId: text(6).min(1, 'expected an SP id').describe('Source_Addr of CMPP_CONNECT (企业代码)'),
  sharedSecret: secret().describe('Shared secret of CMPP_CONNECT'),
  serviceId: text(10).default('').describe('Service_Id (业务代码)'),
  msgSrc: text(6).optional().describe('Msg_src; `spId` if left out'),
  srcId: z
    .strictObject({
      prefix: digits()
        .default('')
        .describe(
          'Service number put before the source address of the message (接入号 + 扩展号), unless it begins with it already',
        ),
      fixed: digits()
        .min(1, 'expected digits')
        .optional()
        .describe('Src_Id of every message, whatever its source address'),
    })
    .prefault({})
    .describe('Src_Id; at most 21 octets'),
  feeType: text(2).default('01').describe('FeeType'),
  feeCode: text(6).default('000000').describe('FeeCode'),
  feeUserType: z.int().min(0).max(3).default(0).describe('Fee_UserType: 0 receiver, 1 sender, 2 SP, 3 Fee_terminal_Id'),
  linkId: text(20).default('').describe('LinkID (3.0)'),
});

export const sgipCarrierSchema = z.strictObject({
  ...carrierKeys,
  protocol: z.literal('sgip').describe('Protocol of the carrier'),
  numbers: z
    .literal(['plain', '86', '+86'])
    .default('86')
    .describe('How mainland mobile numbers are written to it; SGIP wants 86138… (quote it)'),
  idForm: z
    .literal('exact')
    .default('exact')
    .describe('Reports name the sequence number of the submit, octet by octet'),
  coding: z
    .array(z.enum(['ascii', 'gbk', 'ucs2']))
    .min(1, 'expected at least one coding')
    .default(['gbk', 'ucs2'])
    .describe('Codings it takes, the preferred first'),
  longMessage: z
    .enum(['udh8', 'udh16'])
    .default('udh8')
    .describe('How segments of a long message are marked: UDH with an 8- or 16-bit reference'),
  // Node busy, queue full (1.3: over the limit), flow control; a sequence number that it takes for a repeated one.
  codes: codes({ throttled: [11, 33, 88], retry: [9] }, octetCode).describe(
    'Classes of Submit_Resp Result; a code printed as SGIP:-17 may be written -17',
  ),
  systemId: text(16).min(1, 'expected a login name').describe('Login Name of the bind'),
  password: secret().describe('Login Password of the bind'),
  idleClose: durationOrZero()
    .prefault('60s')
    .describe(
      'A connection without traffic for so long is closed, and opened again when there is something to send; 0s: kept up',
    ),
  corpId: z
    .string()
    .regex(/^\d{1,5}$/, 'expected up to five digits')
    .describe('CorpId (企业代码)'),
  nodeId: z
    .int()
    .min(0)
    .max(0xffffffff)
    .optional()
    .describe('Our node number in sequence numbers; if left out it is made of `areaCode` and `corpId` (3AAAAQQQQQ)'),
  areaCode: z
    .string()
    .regex(/^\d{1,4}$/, 'expected an area code, such as 010, 025 or 0571')
    .optional()
    .describe('Long-distance area code of our city, for the node number'),
  deliver: z
    .strictObject({
      systemId: text(16).min(1, 'expected a login name').describe('Login Name of its connection to us'),
      password: password().describe('Login Password of its connection to us: a hash, or a reference'),
      allowedIps: z.array(cidr()).default([]).describe('Addresses it may connect from; empty: from everywhere'),
      maxBinds: count(1_000).default(10).describe('Connections at the same time'),
    })
    .optional()
    .describe('Login with which it connects to a listener of ours (protocol sgip) to bring reports and MO'),
  spNumber: z
    .strictObject({
      prefix: digits()
        .default('')
        .describe(
          'Access number put before the source address of the message (接入号 + 扩展号), unless it begins with it already',
        ),
      fixed: digits()
        .min(1, 'expected digits')
        .optional()
        .describe('SPNumber of every message, whatever its source address'),
    })
    .prefault({})
    .describe('SPNumber; at most 21 octets'),
  chargeNumber: z
    .union([z.enum(['sp', 'user']), digits()], { error: 'expected sp, user or digits' })
    .default('sp')
    .describe('ChargeNumber: who pays; sp: us (21 zeros), user: the receiver, or a number'),
  serviceType: text(10).default('').describe('ServiceType (业务代码)'),
  feeType: z
    .int()
    .min(0)
    .max(4)
    .default(1)
    .describe('FeeType: 0 for the record only, 1 free, 2 per message, 3 monthly, 4 charged by the SP'),
  feeValue: text(6).default('0').describe('FeeValue, in cents'),
  givenValue: text(6).default('0').describe('GivenValue, in cents'),
  agentFlag: z.int().min(0).max(1).default(0).describe('AgentFlag (代收费标志): 0 receivable, 1 received'),
  morelatetoMtFlag: z
    .int()
    .min(0)
    .max(3)
    .default(2)
    .describe('MorelatetoMTFlag: 0 first for an MO, 1 further for an MO, 2 not for an MO, 3 feedback of the system'),
  reportFlag: z
    .int()
    .min(0)
    .max(3)
    .default(1)
    .describe('ReportFlag where a report is wanted: 0 on failure only, 1 always, 2 never, 3 monthly record'),
  linkId: text(8).default('').describe('Reserve of messages that bring no LinkID'),
});

export const smgpCarrierSchema = z.strictObject({
  ...carrierKeys,
  protocol: z.literal('smgp').describe('Protocol of the carrier'),
  idForm: idForm('exact'),
  coding: z
    .array(z.enum(['ascii', 'gbk', 'ucs2']))
    .min(1, 'expected at least one coding')
    .default(['gbk', 'ucs2'])
    .describe('Codings it takes, the preferred first; gbk is MsgFormat 15, which the specification wants for text'),
  longMessage: z
    .enum(['udh8', 'udh16'])
    .default('udh8')
    .describe('How segments of a long message are marked: UDH with an 8- or 16-bit reference'),
  // 1 busy, the nearest to a throttle that there is; 12 takes us for one who repeats, 74 not at this time.
  codes: codes({ throttled: [1], retry: [12, 74] }).describe(
    'Classes of Submit_Resp Status; 75 (daily volume used up) is no throttle: more of it on the same day is in vain',
  ),
  version: version('1.3', '2.0', '3.0')
    .default('3.0')
    .describe('SMGP version; 1.3 has no FixedFee, 3.0 stands for 3.0 to 3.1'),
  clientId: text(8).min(1, 'expected a ClientID').describe('ClientID of Login (SP 服务代码)'),
  sharedSecret: secret().describe('Shared secret of Login, at most 15 octets by the specification'),
  loginMode: z
    .enum(['trx', 'tx+rx'])
    .default('trx')
    .describe('One connection of LoginMode 2, or one of 0 (send) and one of 1 (receive), per bind'),
  serviceId: text(10).default('').describe('ServiceID (业务代码)'),
  msgSrc: text(8)
    .optional()
    .describe('MsgSrc TLV: SP code, for mobile the SPID (企业代码); if left out it is not sent'),
  mServiceId: text(21).optional().describe('MServiceID TLV: product id for mobile; if left out it is not sent'),
  srcTermId: z
    .strictObject({
      prefix: digits()
        .default('')
        .describe(
          'Access number put before the source address of the message (接入号 + 扩展号), such as 118 and the SP code, or 10659…; unless it begins with it already',
        ),
      fixed: digits()
        .min(1, 'expected digits')
        .optional()
        .describe('SrcTermID of every message, whatever its source address'),
    })
    .prefault({})
    .describe('SrcTermID; at most 21 octets'),
  chargeTermId: digits().default('').describe('ChargeTermID; empty: the receiver pays'),
  chargeUserType: z
    .int()
    .min(0)
    .max(3)
    .default(0)
    .describe('ChargeUserType: 0 receiver, 1 sender, 2 SP, 3 see ChargeTermID'),
  feeType: text(2).default('00').describe('FeeType: 00 free, 01 per message, 02 monthly, 03 capped'),
  feeCode: text(6).default('000000').describe('FeeCode, in cents'),
  fixedFee: text(6).default('000000').describe('FixedFee, in cents (not in 1.3)'),
  linkId: text(20).default('').describe('LinkID of messages that bring none'),
  tlvs: z
    .enum(['minimal', 'full'])
    .default('minimal')
    .describe(
      'TLVs of a Submit: those that say something (old gateways trip over others), or all that the commonest client sends',
    ),
});

export const smppCarrierSchema = z.strictObject({
  ...carrierKeys,
  protocol: z.literal('smpp').describe('Protocol of the carrier'),
  coding: z
    .array(z.enum(['gsm7', ...NATIONAL_CODINGS, 'latin1', 'ascii', ...LEGACY_CODINGS, 'ucs2']))
    .min(1, 'expected at least one coding')
    .default(['gsm7', 'ucs2'])
    .describe(
      'Codings it takes, the preferred first. `gsm7-tr` and its like are GSM 03.38 with the locking and the single shift table of a language (`-locking`, `-single`: one of them), announced in the UDH',
    )
    .meta({
      kind: 'list of gsm7 | gsm7-<language> | latin1 | ascii | iso8859-5 | iso8859-8 | ksc5601 | sjis | ucs2',
    }),
  longMessage: z
    .enum(['udh8', 'udh16', 'sar', 'payload'])
    .default('udh8')
    .describe(
      'How a long message is sent: UDH with an 8- or 16-bit reference, sar_* TLVs, or whole in message_payload',
    ),
  // RTHROTTLED, RMSGQFUL; RINVBNDSTS, RSYSERR, RSUBMITFAIL, RX_T_APPN, RDELIVERYFAILURE, RUNKNOWNERR (SMPP 3.4 §5.1.3)
  codes: codes({ throttled: [0x58, 0x14], retry: [0x04, 0x08, 0x45, 0x64, 0xfe, 0xff] }).describe(
    'Classes of command_status of submit_sm_resp',
  ),
  systemId: text(15).min(1, 'expected a system_id').describe('system_id of the bind'),
  password: secret().describe('Password of the bind'),
  systemType: text(12).default('').describe('system_type of the bind'),
  bind: z.enum(['trx', 'tx+rx']).default('trx').describe('One transceiver, or a transmitter and a receiver, per bind'),
  interfaceVersion: octet().default(0x34).describe('interface_version of the bind; up to 0x33 no TLV is sent'),
  addressRange: text(40).default('').describe('address_range of the bind'),
  sourceTon: addressForm().describe(
    'source_addr_ton; auto: as the platform gave it, else by the form of the address; content: by its form, whatever the platform gave',
  ),
  sourceNpi: addressForm().describe('source_addr_npi'),
  destTon: addressForm().describe('dest_addr_ton'),
  destNpi: addressForm().describe('dest_addr_npi'),
  defaultAlphabet: defaultAlphabet()
    .default('gsm7')
    .describe('What data_coding 0 means to it; utf8 is read only, and never sent'),
  moAlphabet: defaultAlphabet()
    .optional()
    .describe('What data_coding 0 means in its MO; as `defaultAlphabet` if left out'),
  ...reading,
  submitBy: z.enum(['submit_sm', 'data_sm']).default('submit_sm').describe('PDU that messages are submitted with'),
  congestion: z
    .enum(['follow', 'ignore'])
    .default('follow')
    .describe('Whether congestion_state in its answers slows us down (above 90) and lets us grow (below 80)'),
  alerts: z
    .enum(['pass', 'count'])
    .default('count')
    .describe('alert_notification: passed to the account of the called number, or counted and logged only'),
  receipts: carrierReceipts.prefault({}).describe('How its receipts are read'),
  serviceType: text(5).default('').describe('service_type of messages that give none'),
  tlvs: z.array(tlv()).default([]).describe('TLVs passed through to it and from it, by name or tag'),
  hopTag: z
    .boolean()
    .default(false)
    .describe('Tell it (another Yima) by a vendor TLV which nodes a message has passed, so that loops are refused'),
});

export const carrierSchema = z.discriminatedUnion('protocol', [
  cmppCarrierSchema,
  sgipCarrierSchema,
  smgpCarrierSchema,
  smppCarrierSchema,
]);

// ---- routes ----------------------------------------------------------------------------------------------------

const step = z.strictObject({
  carriers: z
    .array(
      z.strictObject({
        name: name().describe('Name of a carrier'),
        weight: z
          .number()
          .positive('expected a weight above 0')
          .max(1e6)
          .default(1)
          .describe('Share of the messages among the carriers of this step'),
      }),
    )
    .min(1, 'expected at least one carrier')
    .describe('Carriers that share the messages by weight'),
});

const rule = z.strictObject({
  destination: digits().default('').describe('Prefix of the destination, on its digits after + or 00; empty: all'),
  operator: name()
    .optional()
    .describe(
      'Operator whose network the destination is in, by the list of ported numbers, else by its prefix: mobile, unicom, telecom, broadnet, or another name in the table of prefixes; if left out: all',
    ),
  source: pattern().optional().describe('Source address, `*` at the end stands for anything; if left out: all'),
  steps: z
    .array(step)
    .min(1, 'expected at least one step')
    .describe('Tried in order: the first, then the next for the reasons under `next`'),
});

export const routeSchema = z.strictObject({
  name: name().describe('Name in accounts; unique'),
  rules: z
    .array(rule)
    .min(1, 'expected at least one rule')
    .describe(
      'The most specific one counts: longest destination, then one with an operator before one without, then longest source, then order',
    ),
  next: z
    .strictObject({
      down: z.boolean().default(true).describe('The carrier has no bind'),
      full: z.boolean().default(true).describe('The carrier has no room'),
      throttled: z.boolean().default(false).describe('The carrier answered with a throttling code'),
      codes: z
        .array(code())
        .default([])
        .describe('The carrier answered with one of these codes, whatever class it gives them'),
      reportFailedWithin: durationOrZero()
        .prefault('0s')
        .describe('The carrier reported a failure within this time of submission; 0s: never'),
    })
    .prefault({})
    .describe('Reasons to go on to the next step'),
});

// ---- numbering -------------------------------------------------------------------------------------------------

const numbering = z.strictObject({
  prefixes: path()
    .optional()
    .describe(
      'Table of prefixes, a row `prefix,operator`: `138,mobile`, `+852,hongkong`; if left out the one of mainland China that comes with Yima, config/prefixes-cn.csv',
    ),
  ported: path()
    .optional()
    .describe('Numbers that have moved to another operator, a row `number,operator`; read again by a reload'),
});

// ---- the whole -------------------------------------------------------------------------------------------------

const priority = z.strictObject({
  sources: z
    .array(pattern())
    .default([])
    .describe('Source addresses whose messages take the priority lane, such as those of verification codes'),
  share: z
    .number()
    .gt(0, 'expected a share above 0')
    .lt(1, 'expected a share below 1')
    .default(0.8)
    .describe('Largest share of the sends of a carrier that the priority lane takes while bulk waits'),
});

export const simulatorSchema = z.strictObject({
  name: name().describe('Name in logs; unique'),
  protocol: z.enum(['cmpp', 'smpp', 'sgip', 'smgp']).describe('Protocol it speaks'),
  version: version('1.2', '1.3', '2.0', '2.1', '3.0', '3.3', '3.4', '5.0')
    .optional()
    .describe('Version of the protocol; if left out CMPP 2.0, SMPP 3.4, SGIP 1.2 or SMGP 3.0'),
  listen: address().describe('Address it listens on'),
  options: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      'Handed to the simulator as it stands: `accounts` (`name`, `secret`, `maxSessions`, and for SGIP `callback` with the `host`, `port`, `name` and `secret` to dial), `behaviour`, `record`',
    ),
});

export const configSchema = z.strictObject({
  demo: z
    .boolean()
    .default(false)
    .describe('Allows passwords in clear and simulators; everything must then listen on loopback'),
  node: node.prefault({}).describe('This process'),
  log: log.prefault({}).describe('Logs'),
  store: store.prefault({}).describe('Durable store'),
  admin: admin.prefault({}).describe('Metrics and health over HTTP'),
  trace: trace.prefault({}).describe('What is kept to follow a message by'),
  listeners: z.array(listenerSchema).default([]).describe('Where platforms bind'),
  accounts: z.array(accountSchema).default([]).describe('Platforms'),
  carriers: z.array(carrierSchema).default([]).describe('Whom messages are submitted to'),
  routes: z.array(routeSchema).default([]).describe('Which carriers a message may take'),
  numbering: numbering.prefault({}).describe('Which operator a number belongs to, for rules of routes'),
  priority: priority.prefault({}).describe('The priority lane'),
  simulators: z
    .array(simulatorSchema)
    .default([])
    .describe('Simulated carriers started in the same go; only with `demo: true`'),
});

/** The configuration with all defaults filled in: durations in ms, sizes in octets, addresses as host and port. */
export type Config = z.infer<typeof configSchema>;
export type LogConfig = Config['log'];
export type ListenerConfig = z.infer<typeof listenerSchema>;
export type AccountConfig = z.infer<typeof accountSchema>;
export type CarrierConfig = z.infer<typeof carrierSchema>;
export type CmppCarrierConfig = z.infer<typeof cmppCarrierSchema>;
export type SgipCarrierConfig = z.infer<typeof sgipCarrierSchema>;
export type SmgpCarrierConfig = z.infer<typeof smgpCarrierSchema>;
export type SmppCarrierConfig = z.infer<typeof smppCarrierSchema>;
export type RouteConfig = z.infer<typeof routeSchema>;
export type SimulatorConfig = z.infer<typeof simulatorSchema>;
/** Where a secret of ours is found (a carrier's password). */
export type SecretRef = z.infer<ReturnType<typeof secret>>;
/** How an account's password is known: its scrypt hash, or where it is found. */
export type PasswordRef = z.infer<ReturnType<typeof password>>;
