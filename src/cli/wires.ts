import { describeFrame as describeCmpp } from '../../protocols/cmpp/describe.ts';
import {
  FRAME as CMPP_FRAME,
  HEADER as CMPP_HEADER,
  SEQUENCE_ID_AT as CMPP_SEQUENCE_AT,
} from '../../protocols/cmpp/header.ts';
import { connectStatus, deliverResult, submitResult } from '../../protocols/cmpp/result.ts';
import { cmppCodec } from '../../protocols/cmpp/tables.ts';
import { describeFrame as describeSgip } from '../../protocols/sgip/describe.ts';
import {
  FRAME as SGIP_FRAME,
  HEADER as SGIP_HEADER,
  SEQUENCE_AT as SGIP_SEQUENCE_AT,
} from '../../protocols/sgip/header.ts';
import { sgipResult } from '../../protocols/sgip/result.ts';
import { SEQUENCE_OCTETS as SGIP_SEQUENCE_OCTETS, sequenceOf as sgipSequence } from '../../protocols/sgip/sequence.ts';
import { SGIP_12, sgipCodec } from '../../protocols/sgip/tables.ts';
import { describeFrame as describeSmgp } from '../../protocols/smgp/describe.ts';
import { FRAME as SMGP_FRAME } from '../../protocols/smgp/header.ts';
import { statusOf as smgpStatus } from '../../protocols/smgp/result.ts';
import { SMGP_13, SMGP_20, SMGP_30, smgpCodec } from '../../protocols/smgp/tables.ts';
import { describeFrame as describeSmpp } from '../../protocols/smpp/describe.ts';
import { FRAME as SMPP_FRAME, HEADER as SMPP_HEADER } from '../../protocols/smpp/header.ts';
import { smppCodec } from '../../protocols/smpp/tables.ts';
import type { Description, Wire } from '../capture/wire.ts';

const numberIn = ({ fields }: Description, key: string): number | undefined => {
  const value = fields[key];
  return typeof value === 'number' ? value : undefined;
};

/** Octets written in hexadecimal, if they are so many. */
function hexOctets(text: string, count: number): Buffer[] {
  const digits = text.replace(/^0x/i, '');
  return digits.length === 2 * count && /^[0-9a-fA-F]+$/.test(digits) ? [Buffer.from(digits, 'hex')] : [];
}

/** As it is, in the other base, in the other case, without zeros in front: peers do all of it. */
function smppIdOctets(id: string): Buffer[] {
  const forms = new Set([id, id.replace(/^0+(?=.)/, '')]);
  if (/^\d{1,20}$/.test(id)) forms.add(BigInt(id).toString(16));
  else if (/^[0-9a-fA-F]{1,16}$/.test(id)) forms.add(BigInt(`0x${id}`).toString(10));
  for (const form of [...forms]) forms.add(form.toUpperCase()).add(form.toLowerCase());
  return [...forms].filter((form) => form !== '').map((form) => Buffer.from(form, 'latin1'));
}

const smpp: Wire = {
  name: 'smpp',
  frame: SMPP_FRAME,
  headerOctets: SMPP_HEADER,
  sequenceAt: 12,
  sequenceOctets: 4,
  ports: [2775],
  versions: { smpp34: 0x34, smpp33: 0x33, smpp50: 0x50 },
  knows: (command) => smppCodec(0x50).byId.has(command),
  // A request has no status.
  likely: (frame) => frame.readUInt32BE(8) < (frame[4]! < 0x80 ? 1 : 0x10000),
  describe: describeSmpp,
  idOctets: smppIdOctets,
  agreed(d) {
    const said =
      d.command.startsWith('bind_') && !d.command.endsWith('_resp') ? numberIn(d, 'interface_version') : undefined;
    return said === undefined ? undefined : said >= 0x50 ? 0x50 : said >= 0x34 ? 0x34 : 0x33;
  },
  statusName: (d) => (d.command.endsWith('_resp') || d.command === 'generic_nack' ? (d.statusName ?? '') : ''),
};

const cmpp: Wire = {
  name: 'cmpp',
  frame: CMPP_FRAME,
  headerOctets: CMPP_HEADER,
  sequenceAt: CMPP_SEQUENCE_AT,
  sequenceOctets: 4,
  ports: [7890, 7891],
  versions: { cmpp3: 0x30, cmpp30: 0x30, cmpp2: 0x20, cmpp20: 0x20, cmpp21: 0x21 },
  knows: (command) => cmppCodec(0x30).byId.has(command),
  likely: () => true,
  describe: describeCmpp,
  idOctets: (id) =>
    /^\d{12,20}$/.test(id) ? hexOctets(BigInt(id).toString(16).padStart(16, '0'), 8) : hexOctets(id, 8),
  agreed(d) {
    const said = d.command === 'CMPP_CONNECT' ? numberIn(d, 'version') : undefined;
    return said === undefined ? undefined : cmppCodec(said).version;
  },
  statusName(d, version) {
    if (!d.command.endsWith('_RESP')) return '';
    if (d.command === 'CMPP_CONNECT_RESP') return connectStatus(numberIn(d, 'status') ?? 0).name;
    const result = numberIn(d, 'result');
    if (result === undefined) return '';
    return (d.command === 'CMPP_SUBMIT_RESP' ? submitResult(result, version) : deliverResult(result)).name;
  },
};

const sgip: Wire = {
  name: 'sgip',
  frame: SGIP_FRAME,
  headerOctets: SGIP_HEADER,
  sequenceAt: SGIP_SEQUENCE_AT,
  sequenceOctets: SGIP_SEQUENCE_OCTETS,
  ports: [8801, 8802],
  versions: { sgip12: SGIP_12 },
  knows: (command) => sgipCodec().byId.has(command),
  likely: () => true,
  describe: describeSgip,
  idOctets(id) {
    const [node, stamp, counter] = id.split(':').map(Number);
    if (counter === undefined || ![node, stamp, counter].every((n) => n! >= 0 && n! <= 0xffffffff))
      return hexOctets(id, 12);
    return [Buffer.from(sgipSequence({ nodeId: node!, timestamp: stamp!, counter }), 'latin1')];
  },
  agreed: () => SGIP_12,
  statusName(d) {
    const result = d.command.endsWith('_RESP') ? numberIn(d, 'result') : undefined;
    return result === undefined ? '' : sgipResult(result).name;
  },
};

const smgp: Wire = {
  name: 'smgp',
  frame: SMGP_FRAME,
  // Its header is CMPP's.
  headerOctets: CMPP_HEADER,
  sequenceAt: CMPP_SEQUENCE_AT,
  sequenceOctets: 4,
  ports: [8890],
  versions: { smgp30: SMGP_30, smgp13: SMGP_13, smgp20: SMGP_20 },
  knows: (command) => smgpCodec(SMGP_30).byId.has(command),
  likely: () => true,
  describe: describeSmgp,
  idOctets: (id) => hexOctets(id, 10),
  agreed(d) {
    const said = d.command === 'SMGP_LOGIN' ? numberIn(d, 'client_version') : undefined;
    return said === undefined ? undefined : smgpCodec(said).version;
  },
  statusName(d) {
    const status = d.command.endsWith('_RESP') ? numberIn(d, 'status') : undefined;
    return status === undefined ? '' : smgpStatus(status).name;
  },
};

/** Every protocol that can be read from octets, the strictest first. A further one is a table above and a word here. */
export const WIRES: readonly Wire[] = [cmpp, sgip, smgp, smpp];

export const WIRES_BY_NAME: ReadonlyMap<string, Wire> = new Map(WIRES.map((wire) => [wire.name, wire]));

/** What a name of the command line stands for; the version is undefined where its bind says it. */
export interface Spoken {
  readonly wire: Wire;
  readonly version: number | undefined;
}

/** Every name that a protocol goes by: with a version, or the protocol's own, whose version is learned. */
export const WIRE_NAMES: ReadonlyMap<string, Spoken> = new Map<string, Spoken>(
  WIRES.flatMap((wire): [string, Spoken][] => [
    ...Object.entries(wire.versions).map(([name, version]): [string, Spoken] => [name, { wire, version }]),
    [wire.name, { wire, version: undefined }],
  ]),
);
