import { type Coding, decode } from '../text/charset.ts';
import { parseUdh } from '../text/udh.ts';
import { WireFault } from '../wire/fault.ts';
import { specName } from '../wire/pdu.ts';
import type { Tlv } from '../wire/tlv.ts';
import { FRAME, HEADER, readHeader } from './header.ts';
import { messageOctets, UDHI } from './payload.ts';
import { statusName } from './status.ts';
import { smppCodec } from './tables.ts';
import { tlvName, tlvValue } from './tlv-tags.ts';

/** A frame for a person to read: the specification's names, octets as hex, text where data_coding makes it plain. */
export interface Description {
  readonly command: string;
  readonly sequence: number;
  readonly status: number;
  readonly statusName: string;
  readonly fields: Record<string, unknown>;
}

/** Describes one whole frame. Throws WireFault where it is none, or its body does not read. */
export function describeFrame(frame: Buffer, version: number): Description {
  if (frame.length < HEADER) throw new WireFault('truncated', 'smpp', 'header', frame.length);
  const { commandLength, commandId, commandStatus, sequenceNumber } = readHeader(frame, 0);
  if (commandLength < HEADER) throw new WireFault('length-too-small', 'smpp', 'commandLength', commandLength);
  if (commandLength > FRAME.max) throw new WireFault('length-too-large', 'smpp', 'commandLength', commandLength);
  if (commandLength > frame.length) throw new WireFault('truncated', 'smpp', 'body', frame.length);
  if (commandLength < frame.length) throw new WireFault('trailing-octets', 'smpp', 'commandLength', commandLength);
  const plan = smppCodec(version).byId.get(commandId);
  if (plan === undefined) throw new WireFault('unknown-command', 'smpp', 'commandId', 4);
  const value = plan.decode(frame, HEADER, commandLength) as Record<string, unknown>;
  return {
    command: plan.name,
    sequence: sequenceNumber,
    status: commandStatus,
    statusName: statusName(commandStatus),
    fields: commandLength === HEADER ? {} : describeFields(value),
  };
}

/** Counts that the tables keep in the length of a list. */
const counts: Readonly<Record<string, string>> = { destAddress: 'number_of_dests', unsuccessSme: 'no_unsuccess' };

function describeFields(value: Record<string, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    if (key === 'tlvs') {
      if ((field as readonly Tlv[]).length > 0) fields.tlvs = describeTlvs(field as readonly Tlv[]);
    } else if (field instanceof Uint8Array) {
      fields.sm_length = field.length;
      fields[specName(key)] = hex(field);
    } else if (Array.isArray(field)) {
      fields[counts[key] ?? `number_of_${specName(key)}`] = field.length;
      fields[specName(key)] = field.map((item: Record<string, unknown>) => describeFields(item));
    } else {
      fields[specName(key)] = field;
    }
  }
  if ('dataCoding' in value) describeMessage(value as unknown as Message, fields);
  return fields;
}

interface Message {
  readonly esmClass?: number;
  readonly dataCoding: number;
  readonly shortMessage?: Uint8Array;
  readonly tlvs: readonly Tlv[];
}

function describeMessage(value: Message, fields: Record<string, unknown>): void {
  let octets = messageOctets(value);
  if (((value.esmClass ?? 0) & UDHI) !== 0 && octets.length > 0) {
    const udh = parseUdh(octets);
    if (udh.fault !== undefined) {
      fields.udh_fault = udh.fault;
      return;
    }
    fields.udh = udh.elements.map(({ iei, data }) => ({ iei, data: hex(data) }));
    octets = octets.subarray(udh.length);
  }
  const coding = plainCoding(value.dataCoding, octets);
  if (coding !== undefined && octets.length > 0) fields.text = decode(octets, coding);
}

/** The coding of a text that can be read without knowing the peer; undefined for binary, for what is none, and for the rest. */
function plainCoding(dataCoding: number, octets: Uint8Array): Coding | undefined {
  switch (dataCoding) {
    case 0:
      return octets.every((octet) => octet < 0x80) ? 'gsm7' : undefined;
    case 1:
      return octets.every((octet) => octet < 0x80) ? 'ascii' : undefined;
    case 3:
      return 'latin1';
    case 8:
      return octets.length % 2 === 0 ? 'ucs2' : undefined;
    default:
      return undefined;
  }
}

/** By name; a parameter that comes several times is a list. */
function describeTlvs(list: readonly Tlv[]): Record<string, unknown> {
  const named: Record<string, unknown> = {};
  for (const item of list) {
    const name = tlvName(item.tag);
    const value = tlvValue(item);
    const before = named[name];
    named[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return named;
}

const hex = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
