import { describeContent } from '../text/describe-content.ts';
import { WireFault } from '../wire/fault.ts';
import { specName } from '../wire/pdu.ts';
import { timestampText } from './auth.ts';
import { FRAME, HEADER, readHeader } from './header.ts';
import { msgIdDecimal, msgIdHex, msgIdParts } from './msg-id.ts';
import { type Report, readReport, reportLayout } from './report.ts';
import { cmppCodec } from './tables.ts';

/** A frame for a person to read: the specification's names, octets as hex, text where Msg_Fmt makes it plain. */
export interface Description {
  readonly command: string;
  readonly sequence: number;
  readonly fields: Record<string, unknown>;
}

/** Describes one whole frame. Throws WireFault where it is none, or its body does not read. */
export function describeFrame(frame: Buffer, version: number): Description {
  if (frame.length < HEADER) throw new WireFault('truncated', 'cmpp', 'header', frame.length);
  const { totalLength, commandId, sequenceId } = readHeader(frame, 0);
  if (totalLength < HEADER) throw new WireFault('length-too-small', 'cmpp', 'totalLength', totalLength);
  if (totalLength > FRAME.max) throw new WireFault('length-too-large', 'cmpp', 'totalLength', totalLength);
  if (totalLength > frame.length) throw new WireFault('truncated', 'cmpp', 'body', frame.length);
  if (totalLength < frame.length) throw new WireFault('trailing-octets', 'cmpp', 'totalLength', totalLength);
  const codec = cmppCodec(version);
  const plan = codec.byId.get(commandId);
  if (plan === undefined) throw new WireFault('unknown-command', 'cmpp', 'commandId', 4);
  const value = plan.decode(frame, HEADER, totalLength) as Record<string, unknown>;
  const fields: Record<string, unknown> = {};
  for (const [key, kind] of Object.entries(plan.table.fields)) {
    if (codec.version >= kind.from && codec.version < kind.until) describeField(key, value[key], value, frame, fields);
  }
  // Answers come in two sizes, which the size of a value does not tell.
  const end = HEADER + plan.size(value as never);
  if (end < totalLength && !plan.name.endsWith('_RESP')) fields.trailing_hex = frame.toString('hex', end);
  return { command: plan.name, sequence: sequenceId, fields };
}

function describeField(
  key: string,
  field: unknown,
  value: Record<string, unknown>,
  frame: Buffer,
  fields: Record<string, unknown>,
): void {
  const name = specName(key);
  switch (key) {
    case 'msgId':
      fields[name] = describeMsgId(field as string);
      return;
    case 'authenticatorSource':
    case 'authenticatorIsmg':
      fields[name] = hex(field as string);
      return;
    case 'reserve':
    case 'reserved':
      // An octet string, but for ACTIVE_TEST_RESP, where it is an octet that may be missing.
      if (typeof field === 'string') fields[name] = hex(field);
      else if (frame.length > HEADER) fields[name] = field;
      return;
    case 'timestamp':
      fields[name] = field;
      fields.timestamp_text = timestampText(field as number);
      return;
    case 'destTerminalId':
    case 'destId':
      if (Array.isArray(field)) fields.dest_usr_tl = field.length;
      fields[name] = field;
      return;
    case 'msgContent':
      describeMessage(field as Buffer, value as unknown as Message, frame, fields);
      return;
    default:
      fields[name] = field;
  }
}

interface Message {
  readonly registeredDelivery: number;
  readonly tpUdhi: number;
  readonly msgFmt: number;
  readonly srcTerminalId?: string;
}

function describeMessage(content: Buffer, value: Message, frame: Buffer, fields: Record<string, unknown>): void {
  // What the frame says, which for a report may be something else than what is there.
  const said = frame[content.byteOffset - frame.byteOffset - 1]!;
  fields.msg_length = said;
  if (said !== content.length) fields.report_octets = content.length;
  if (value.srcTerminalId !== undefined && value.registeredDelivery === 1) {
    fields.msg_content_hex = content.toString('hex');
    const report = readReport(content);
    if (report !== undefined) fields.report = describeReport(report, content.length);
    return;
  }
  describeContent(content, value.msgFmt, value.tpUdhi, fields);
}

function describeReport(report: Report, size: number): Record<string, unknown> {
  const layout = reportLayout(size);
  return {
    msg_id: describeMsgId(report.msgId),
    stat: report.stat,
    submit_time: report.submitTime,
    done_time: report.doneTime,
    dest_terminal_id: report.destTerminalId,
    smsc_sequence: report.smscSequence,
    ...(layout !== undefined && { layout }),
  };
}

function describeMsgId(raw: string): Record<string, unknown> {
  return { u64: msgIdDecimal(raw), hex: msgIdHex(raw), ...msgIdParts(raw) };
}

const hex = (raw: string): string => Buffer.from(raw, 'latin1').toString('hex');
