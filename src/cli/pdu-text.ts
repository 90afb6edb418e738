import type { Description } from '../capture/wire.ts';

// What is shown of a PDU: a line of its most telling fields, or all of them. Field names are the specifications'.

/** In this order, whatever the protocol; most PDUs have a few of them. */
const TELLING: readonly string[] = [
  'system_id',
  'login_name',
  'client_id',
  'interface_version',
  'client_version',
  'version',
  'msg_id',
  'message_id',
  'submit_sequence',
  'submit_sequence_number',
  'src_id',
  'src_term_id',
  'sp_number',
  'src_terminal_id',
  'source_addr',
  'dest_terminal_id',
  'dest_term_id',
  'dest_id',
  'destination_addr',
  'user_number',
  'dest_address',
  'registered_delivery',
  'need_report',
  'report_flag',
  'pk_total',
  'pk_number',
  'esm_class',
  'data_coding',
  'msg_fmt',
  'msg_format',
  'message_coding',
  'state',
  'error_code',
  'report',
  'udh_fault',
  'text',
];

const TEXT_MAX = 60;

/** `src_id=106900 dest_terminal_id=13800138000 text="…"`. */
export function tellingFields({ fields }: Description): string {
  const shown: string[] = [];
  for (const key of TELLING) {
    const value = fields[key];
    if (value === undefined || value === '' || value === 0) continue;
    // The common case of each says nothing.
    if ((key === 'pk_total' || key === 'pk_number') && fields.pk_total === 1) continue;
    shown.push(`${key}=${inLine(key, value)}`);
  }
  return shown.join(' ');
}

function inLine(key: string, value: unknown): string {
  if (typeof value === 'string') {
    if (key !== 'text') return /[\s"]/.test(value) ? JSON.stringify(value) : value;
    return JSON.stringify(value.length > TEXT_MAX ? `${value.slice(0, TEXT_MAX)}…` : value);
  }
  if (Array.isArray(value)) {
    const items = value.slice(0, 3).map((item) => inLine(key, item));
    return `${items.join(',')}${value.length > 3 ? `,… (${value.length})` : ''}`;
  }
  if (typeof value !== 'object' || value === null) return String(value);
  const object = value as Record<string, unknown>;
  if ('stat' in object)
    return ['msg_id', 'id', 'stat'].flatMap((k) => (k in object ? [inLine(k, object[k])] : [])).join(':');
  if ('u64' in object) return String(object.u64);
  if ('destination_addr' in object) return String(object.destination_addr);
  return Object.values(object)
    .map((item) => inLine('', item))
    .join(':');
}

/** A sequence number of any protocol: SGIP's has three parts. */
export function sequenceText(sequence: unknown): string {
  if (typeof sequence !== 'object' || sequence === null) return String(sequence);
  return Object.values(sequence).map(String).join(':');
}

/** Every field on a line of its own, nested ones indented. */
export function allFields(fields: Readonly<Record<string, unknown>>, indent: string): string[] {
  return Object.entries(fields).flatMap(([key, value]) => {
    if (Array.isArray(value) && value.some((item) => typeof item === 'object')) {
      return value.flatMap((item, k) => [
        `${indent}${key}[${k}]`,
        ...allFields(item as Record<string, unknown>, `${indent}  `),
      ]);
    }
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return [`${indent}${key}`, ...allFields(value as Record<string, unknown>, `${indent}  `)];
    }
    return [`${indent}${key.padEnd(22)} ${JSON.stringify(value)}`];
  });
}

/** All texts and numbers anywhere in the fields. */
export function* leaves(value: unknown): Generator<string, void> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'number' || typeof value === 'bigint') yield String(value);
  else if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) yield* leaves(item);
}

/** Microseconds since the epoch, in UTC. */
export function timeText(micros: number): string {
  if (micros === 0) return 'no time';
  const iso = new Date(Math.floor(micros / 1000)).toISOString();
  return `${iso.slice(0, -1)}${String(Math.floor(micros % 1000)).padStart(3, '0')}Z`;
}

/** `+1.203 ms`. */
export function elapsedText(micros: number): string {
  return `+${(micros / 1000).toFixed(3)} ms`;
}
