import { timestampText } from '../cmpp/auth.ts';
import { HEADER, readHeader } from '../cmpp/header.ts';
import { describeContent } from '../text/describe-content.ts';
import { WireFault } from '../wire/fault.ts';
import { specName } from '../wire/pdu.ts';
import { type Tlv, tlvText, tlvUint } from '../wire/tlv.ts';
import { FRAME } from './header.ts';
import { readReport } from './report.ts';
import { SMGP_20, smgpCodec } from './tables.ts';
import { TAG, tlvRow } from './tlv-tags.ts';

/** A frame for a person to read: the specification's names, octets as hex, text where MsgFormat makes it plain. */
export interface Description {
  readonly command: string;
  readonly sequence: number;
  readonly fields: Record<string, unknown>;
}

/** Describes one whole frame. Throws WireFault where it is none, or its body does not read. */
export function describeFrame(frame: Buffer, version: number): Description {
  if (frame.length < HEADER) throw new WireFault('truncated', 'smgp', 'header', frame.length);
  const { totalLength, commandId, sequenceId } = readHeader(frame, 0);
  if (totalLength < HEADER) throw new WireFault('length-too-small', 'smgp', 'packetLength', totalLength);
  if (totalLength > FRAME.max) throw new WireFault('length-too-large', 'smgp', 'packetLength', totalLength);
  if (totalLength > frame.length) throw new WireFault('truncated', 'smgp', 'body', frame.length);
  if (totalLength < frame.length) throw new WireFault('trailing-octets', 'smgp', 'packetLength', totalLength);
  const codec = smgpCodec(version);
  const plan = codec.byId.get(commandId);
  if (plan === undefined) throw new WireFault('unknown-command', 'smgp', 'requestId', 4);
  const value = plan.decode(frame, HEADER, totalLength) as Record<string, unknown>;
  const fields: Record<string, unknown> = {};
  for (const key of Object.keys(plan.table.fields)) describeField(key, value[key], value, codec.version, fields);
  const end = HEADER + plan.size(value as never);
  if (end < totalLength) fields.trailing_hex = frame.toString('hex', end);
  return { command: plan.name, sequence: sequenceId, fields };
}

function describeField(
  key: string,
  field: unknown,
  value: Record<string, unknown>,
  version: number,
  fields: Record<string, unknown>,
): void {
  const name = specName(key);
  switch (key) {
    case 'msgId':
    case 'authenticatorClient':
    case 'authenticatorServer':
      fields[name] = hex(field as string);
      return;
    case 'reserve':
      fields[name] = /^\0*$/.test(field as string) ? '' : hex(field as string);
      return;
    case 'fixedFee':
      if (version >= SMGP_20 || field !== '') fields[name] = field;
      return;
    case 'timestamp':
      fields[name] = field;
      fields.timestamp_text = timestampText(field as number);
      return;
    case 'destTermId':
      if (Array.isArray(field)) fields.dest_term_id_count = field.length;
      fields[name] = field;
      return;
    case 'msgContent':
      describeMessage(field as Buffer, value as unknown as Message, fields);
      return;
    case 'tlvs':
      fields[name] = (field as readonly Tlv[]).map(describeTlv);
      return;
    default:
      fields[name] = field;
  }
}

interface Message {
  readonly isReport?: number;
  readonly msgFormat: number;
  readonly tlvs: readonly Tlv[];
}

function describeMessage(content: Buffer, value: Message, fields: Record<string, unknown>): void {
  fields.msg_length = content.length;
  if (value.isReport === 1) {
    fields.msg_content_hex = content.toString('hex');
    const report = readReport(content);
    if (report !== undefined) {
      const { id, sub, dlvrd, submitDate, doneDate, stat, err, text } = report;
      const dates = { submit_date: submitDate, done_date: doneDate };
      fields.report = { id: hex(id), sub, dlvrd, ...dates, stat, err, txt_hex: hexOf(text) };
    }
    return;
  }
  describeContent(content, value.msgFormat, tlvUint(value.tlvs, TAG.tpUdhi) ?? 0, fields);
}

function describeTlv({ tag, value }: Tlv): Record<string, unknown> {
  const row = tlvRow(tag);
  const list = [{ tag, value }];
  return {
    tag,
    name: row?.name ?? 'unknown',
    length: value.length,
    value_hex: hexOf(value),
    ...(row?.kind === 'octet' && value.length > 0 && { value: tlvUint(list, tag) }),
    ...(row?.kind === 'text' && { value: tlvText(list, tag) }),
  };
}

const hex = (raw: string): string => Buffer.from(raw, 'latin1').toString('hex');
const hexOf = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
