import { describeContent } from '../text/describe-content.ts';
import { WireFault } from '../wire/fault.ts';
import { specName } from '../wire/pdu.ts';
import { FRAME, HEADER, readHeader } from './header.ts';
import { sequenceParts, stampText } from './sequence.ts';
import { sgipCodec, type TraceNode } from './tables.ts';

interface DescribedSequence {
  readonly node_id: number;
  readonly timestamp: string;
  readonly counter: number;
}

/** A frame for a person to read: the specification's names, octets as hex, text where MessageCoding makes it plain. */
export interface Description {
  readonly command: string;
  readonly sequence: DescribedSequence;
  readonly fields: Record<string, unknown>;
}

/** Describes one whole frame. Throws WireFault where it is none, or its body does not read. */
export function describeFrame(frame: Buffer): Description {
  if (frame.length < HEADER) throw new WireFault('truncated', 'sgip', 'header', frame.length);
  const { messageLength, commandId, sequence } = readHeader(frame, 0);
  if (messageLength < HEADER) throw new WireFault('length-too-small', 'sgip', 'messageLength', messageLength);
  if (messageLength > FRAME.max) throw new WireFault('length-too-large', 'sgip', 'messageLength', messageLength);
  if (messageLength > frame.length) throw new WireFault('truncated', 'sgip', 'body', frame.length);
  if (messageLength < frame.length) throw new WireFault('trailing-octets', 'sgip', 'messageLength', messageLength);
  const plan = sgipCodec().byId.get(commandId);
  if (plan === undefined) throw new WireFault('unknown-command', 'sgip', 'commandId', 4);
  const value = plan.decode(frame, HEADER, messageLength) as Record<string, unknown>;
  const fields: Record<string, unknown> = {};
  for (const key of Object.keys(plan.table.fields)) describeField(key, value[key], value, fields);
  const end = HEADER + plan.size(value as never);
  if (end < messageLength) fields.trailing_hex = frame.toString('hex', end);
  return { command: plan.name, sequence: describeSequence(sequence), fields };
}

function describeField(
  key: string,
  field: unknown,
  value: Record<string, unknown>,
  fields: Record<string, unknown>,
): void {
  switch (key) {
    case 'submitSequenceNumber':
      fields.submit_sequence = describeSequence(field as string);
      return;
    case 'userNumber':
      if (Array.isArray(field)) fields.user_count = field.length;
      fields.user_number = field;
      return;
    case 'messageContent': {
      const { messageCoding, tpUdhi } = value as { messageCoding: number; tpUdhi: number };
      const content = field as Uint8Array;
      fields.message_length_content = content.length;
      describeContent(content, messageCoding, tpUdhi, fields);
      return;
    }
    case 'reserve':
      describeReserve(field as string, fields);
      return;
    case 'nodes': {
      const nodes = field as readonly TraceNode[];
      fields.count = nodes.length;
      fields.nodes = nodes.map(describeNode);
      return;
    }
    case 'body':
      fields.body_hex = Buffer.from(field as Uint8Array).toString('hex');
      return;
    default:
      fields[specName(key)] = field;
  }
}

function describeSequence(raw: string): DescribedSequence {
  const { nodeId, timestamp, counter } = sequenceParts(raw);
  return { node_id: nodeId, timestamp: stampText(timestamp), counter };
}

function describeNode({ reserve, ...node }: TraceNode): Record<string, unknown> {
  const described: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(node)) described[specName(key)] = field;
  describeReserve(reserve, described);
  return described;
}

/** As text, which a LinkID is; where that hides octets, also as they are. */
function describeReserve(raw: string, fields: Record<string, unknown>): void {
  const nul = raw.indexOf('\0');
  fields.reserve = (nul < 0 ? raw : raw.slice(0, nul)).trim();
  if (/[^\x20-\x7e]/.test(raw.replace(/\0+$/, ''))) fields.reserve_hex = Buffer.from(raw, 'latin1').toString('hex');
}
