import { messageOctets, UDHI } from '../../protocols/smpp/payload.ts';
import {
  isReceiptType,
  networkError,
  parseReceipt,
  putReceipt,
  receiptText,
  stateWord,
} from '../../protocols/smpp/receipt.ts';
import { ESME, statusName } from '../../protocols/smpp/status.ts';
import {
  type cancelSm,
  type dataSm,
  type deliverSm,
  type querySm,
  type replaceSm,
  SMPP_34,
  smppCodec,
  type submitMulti,
  type submitSm,
} from '../../protocols/smpp/tables.ts';
import { absoluteTime, parseTime } from '../../protocols/smpp/time.ts';
import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import {
  validateData,
  validateLengths,
  validateMulti,
  validateSubmit,
  validateTimes,
} from '../../protocols/smpp/validate.ts';
import type { Coding } from '../../protocols/text/charset.ts';
import { limitsFor } from '../../protocols/text/segment.ts';
import { concatUdh } from '../../protocols/text/udh.ts';
import { putLatin1 } from '../../protocols/wire/octets.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { NO_TLVS, type Tlv, textTlv, tlvText, tlvUint, uintTlv } from '../../protocols/wire/tlv.ts';
import type { AccountConfig, CarrierConfig, SmppCarrierConfig } from '../config/schema.ts';
import { type Answer, as, type CarrierMapping, type FromCarrier, type Outgoing } from './mapping.ts';
import {
  DELIVERED,
  type Draft,
  idText,
  type Message,
  NO_OCTETS,
  REPLAYED,
  type Segment,
  UNKNOWN,
  VALIDITY_GIVEN,
} from './message.ts';
import { carrierNumber } from './number.ts';
import type { Failed, FromPlatform, PlatformMapping, Refusal } from './platform.ts';
import { readTlvs, writeTlvs } from './tlv-octets.ts';

const RECEIPT = 0x04; // esm_class: MC delivery receipt (5.2.12)
const INTERMEDIATE = 0x20;

/** Tag in the vendor range (0x1400-0x3FFF) under which nodes of ours tell each other where a message has been. */
export const HOP_TAG = 0x3f59;
/** Tag that marks a receipt told again on request. */
export const REPLAY_TAG = 0x3f5a;

/** How the octets under a data_coding are coded (5.2.19, and GSM 03.38 for what SMPP leaves open). */
export function codingOf(dataCoding: number, alphabet: 'gsm7' | 'latin1' | 'ascii', octets: Uint8Array): Coding {
  let coding: Coding;
  switch (dataCoding) {
    case 0:
      coding = alphabet;
      break;
    case 1:
      coding = 'ascii';
      break;
    case 3:
      coding = 'latin1';
      break;
    case 8:
      coding = 'ucs2';
      break;
    default:
      if (dataCoding >= 0xf0) coding = (dataCoding & 4) === 0 ? 'gsm7' : 'octets';
      else if (dataCoding >= 0xc0) coding = dataCoding >= 0xe0 ? 'ucs2' : 'gsm7';
      else if (dataCoding >= 0x10 && dataCoding <= 0x1f) {
        const bits = (dataCoding >> 2) & 3;
        coding = bits === 0 ? 'gsm7' : bits === 2 ? 'ucs2' : 'octets';
      } else coding = 'octets';
  }
  // Octets that are no septets: the sender means Latin-1, whatever it says.
  if (coding === 'gsm7') {
    for (let i = 0; i < octets.length; i++) if (octets[i]! > 0x7f) return 'latin1';
  }
  return coding;
}

function dataCodingOf(coding: Coding, alphabet: 'gsm7' | 'latin1' | 'ascii'): number {
  if (coding === alphabet) return 0;
  switch (coding) {
    case 'ascii':
      return 1;
    case 'latin1':
      return 3;
    case 'ucs2':
      return 8;
    case 'octets':
      return 4;
    default:
      return 0;
  }
}

type Submitted = {
  readonly serviceType: string;
  readonly sourceAddrTon: number;
  readonly sourceAddrNpi: number;
  readonly sourceAddr: string;
  readonly destAddrTon?: number;
  readonly destAddrNpi?: number;
  readonly destinationAddr?: string;
  readonly esmClass: number;
  readonly protocolId?: number;
  readonly priorityFlag?: number;
  readonly registeredDelivery: number;
  readonly dataCoding: number;
  readonly shortMessage?: Uint8Array;
  readonly scheduleDeliveryTime?: string;
  readonly validityPeriod?: string;
  readonly tlvs: readonly Tlv[];
};

/** Fields that every message-carrying PDU has, in neutral terms. */
function draftOf(
  v: Submitted,
  alphabet: 'gsm7' | 'latin1' | 'ascii',
  allowed: ReadonlySet<number>,
  now: number,
): Draft {
  let octets = messageOctets(v);
  let udh: Uint8Array = NO_OCTETS;
  if ((v.esmClass & UDHI) !== 0 && octets.length > 0) {
    const length = Math.min(octets[0]! + 1, octets.length);
    udh = octets.subarray(0, length);
    octets = octets.subarray(length);
  } else if (v.tlvs.length !== 0) {
    const total = tlvUint(v.tlvs, TAG.sarTotalSegments) ?? 0;
    const seq = tlvUint(v.tlvs, TAG.sarSegmentSeqnum) ?? 0;
    // sar_* becomes the header that every carrier knows; its reference has 16 bits.
    if (total > 1 && total < 256 && seq > 0 && seq <= total) {
      udh = concatUdh(tlvUint(v.tlvs, TAG.sarMsgRefNum) ?? 0, total, seq, true);
    }
  }
  const hops = v.tlvs.length === 0 ? '' : (tlvText(v.tlvs, HOP_TAG) ?? '');
  const schedule = v.scheduleDeliveryTime ?? '';
  const validity = v.validityPeriod ?? '';
  const scheduled = schedule === '' ? undefined : parseTime(schedule, now);
  const valid = validity === '' ? undefined : parseTime(validity, now);
  return {
    source: v.sourceAddr,
    sourceTon: v.sourceAddrTon,
    sourceNpi: v.sourceAddrNpi,
    destination: v.destinationAddr ?? '',
    destTon: v.destAddrTon ?? 0,
    destNpi: v.destAddrNpi ?? 0,
    serviceType: v.serviceType,
    esmClass: v.esmClass & ~UDHI & 0xff,
    protocolId: v.protocolId ?? 0,
    priority: v.priorityFlag ?? 0,
    dataCoding: v.dataCoding,
    coding: codingOf(v.dataCoding, alphabet, octets),
    registered: v.registeredDelivery,
    scheduledAt: scheduled !== undefined && 'at' in scheduled ? scheduled.at : 0,
    validUntil: valid !== undefined && 'at' in valid ? valid.at : 0,
    udh,
    octets,
    // Where it has been goes on with it, so that a loop of any length is seen.
    tlvs: v.tlvs.length === 0 ? NO_OCTETS : writeTlvs(v.tlvs, hops === '' ? allowed : new Set([...allowed, HOP_TAG])),
    hops,
  };
}

const scratch = Buffer.allocUnsafe(70_000);

/** Header and text in one run of octets, valid until the next call: the PDU is encoded at once. */
function withUdh(udh: Uint8Array, part: Uint8Array): Uint8Array {
  if (udh.length === 0) return part;
  scratch.set(udh, 0);
  scratch.set(part, udh.length);
  return scratch.subarray(0, udh.length + part.length);
}

const noTags: ReadonlySet<number> = new Set();

// ---- towards carriers ------------------------------------------------------------------------------------------

export const smppCarrier: CarrierMapping = {
  protocol: 'smpp',
  busyStatus: ESME.RX_T_APPN,
  noRouteStatus: ESME.RX_P_APPN,
  roomiest: undefined,

  limits(coding, config) {
    return limitsFor(coding, (config as SmppCarrierConfig).longMessage === 'udh8' ? 6 : 7);
  },

  toSubmit(
    m: Message,
    segment: Segment,
    part: Uint8Array,
    given: CarrierConfig,
    version: number,
    node: string,
  ): Outgoing {
    const config = given as SmppCarrierConfig;
    const codec = smppCodec(version);
    let tlvs: Tlv[] | undefined;
    let udh = m.udh;
    if (m.cutOf > 1) {
      if (config.longMessage === 'sar') {
        tlvs = [
          uintTlv(TAG.sarMsgRefNum, 2, m.cutRef),
          uintTlv(TAG.sarTotalSegments, 1, m.cutOf),
          uintTlv(TAG.sarSegmentSeqnum, 1, segment.index + 1),
        ];
      } else {
        udh = concatUdh(m.cutRef, m.cutOf, segment.index + 1, config.longMessage === 'udh16');
      }
    }
    const octets = withUdh(udh, part);
    let shortMessage = octets;
    if (octets.length > 254) {
      shortMessage = NO_OCTETS;
      tlvs = [...(tlvs ?? []), { tag: TAG.messagePayload, value: octets }];
    }
    if (m.tlvs.length > 0 && config.tlvs.length > 0) tlvs = [...(tlvs ?? []), ...readTlvs(m.tlvs, tagsAllowed(config))];
    if (config.hopTag) tlvs = [...(tlvs ?? []), hopsWith(m, node)];
    const same = m.cutCoding === m.coding;
    const wants = (m.registered & 3) !== 0;
    return as(codec.submitSm, {
      serviceType: m.serviceType === '' ? config.serviceType : m.serviceType,
      sourceAddrTon: config.sourceTon === 'auto' ? tonOf(m.source, m.sourceTon) : config.sourceTon,
      sourceAddrNpi: config.sourceNpi === 'auto' ? npiOf(m.source, m.sourceNpi) : config.sourceNpi,
      sourceAddr: m.source,
      destAddrTon: config.destTon === 'auto' ? tonOf(m.destination, m.destTon) : config.destTon,
      destAddrNpi: config.destNpi === 'auto' ? npiOf(m.destination, m.destNpi) : config.destNpi,
      destinationAddr: carrierNumber(m.destination, config.numbers),
      esmClass: (m.esmClass & 0xbf) | (udh.length > 0 ? UDHI : 0),
      protocolId: m.protocolId,
      priorityFlag: m.priority,
      scheduleDeliveryTime: '',
      validityPeriod: (m.flags & VALIDITY_GIVEN) === 0 ? '' : absoluteTime(m.validUntil),
      registeredDelivery: (m.registered & 0x1c) | (wants ? 1 : 0),
      replaceIfPresentFlag: 0,
      // A class or a group of the sender's stays where the coding does.
      dataCoding:
        same && (m.dataCoding > 0x0f || m.cutCoding === 'octets')
          ? m.dataCoding
          : dataCodingOf(m.cutCoding, config.defaultAlphabet),
      smDefaultMsgId: 0,
      shortMessage,
      tlvs: tlvs ?? NO_TLVS,
    });
  },

  answer(_pdu, value, status): Answer {
    const id = value?.messageId;
    return { code: status, carrierId: status === 0 && typeof id === 'string' ? id : '' };
  },

  fromCarrier(pdu, value, given, version, now): FromCarrier {
    const config = given as SmppCarrierConfig;
    const codec = smppCodec(version);
    const isData = pdu.id === codec.dataSm.id;
    const answer = isData
      ? as(codec.dataSmResp, { messageId: '', tlvs: NO_TLVS })
      : as(codec.deliverSmResp, { messageId: '', tlvs: NO_TLVS });
    if (!isData && pdu.id !== codec.deliverSm.id) return { what: 'other', answer, status: ESME.RINVCMDID };
    const v = value as unknown as Pdu<typeof deliverSm> | Pdu<typeof dataSm>;
    if (isReceiptType(v.esmClass)) {
      const text = receiptText(messageOctets(v), v.dataCoding);
      const receipt = parseReceipt(v.esmClass, text, v.tlvs);
      // A receipt that names no message: refusing it would only bring it back for days (quirk 14).
      if (receipt === undefined) return { what: 'other', answer, status: ESME.ROK };
      const network = networkError(v.tlvs);
      return {
        what: 'report',
        answer,
        report: {
          carrierId: receipt.id,
          state: receipt.state ?? UNKNOWN,
          intermediate: !receipt.final,
          error: receipt.err ?? network?.code ?? receipt.stat ?? '',
          destination: v.sourceAddr,
        },
      };
    }
    return { what: 'mo', answer, draft: draftOf(v, config.defaultAlphabet, tagsAllowed(config), now) };
  },

  codeName: statusName,
  showId: (id) => id,
};

const tagSets = new WeakMap<readonly (string | number)[], ReadonlySet<number>>();
/** Tags of a carrier's or an account's allow-list; the hop tag is ours and on none. */
function tagsAllowed(config: { readonly tlvs: readonly (string | number)[] }): ReadonlySet<number> {
  if (config.tlvs.length === 0) return noTags;
  let set = tagSets.get(config.tlvs);
  if (set === undefined) {
    set = tagsOf(config.tlvs);
    tagSets.set(config.tlvs, set);
  }
  return set;
}

/** The nodes that the message has passed, and this one. */
function hopsWith(m: Message, node: string): Tlv {
  const past = m.tlvs.length === 0 ? undefined : tlvText(readTlvs(m.tlvs, HOPS), HOP_TAG);
  return textTlv(HOP_TAG, past === undefined ? node : `${past},${node}`);
}
const HOPS: ReadonlySet<number> = new Set([HOP_TAG]);

/** Tags of an allow-list: names of the specification or numbers. */
function tagsOf(list: readonly (string | number)[]): ReadonlySet<number> {
  const camel = (name: string): string => name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
  return new Set(
    list
      .flatMap((t) => {
        if (typeof t === 'number') return [t];
        const tag = (TAG as Readonly<Record<string, number>>)[camel(t)];
        return tag === undefined ? [] : [tag];
      })
      .filter((tag) => tag !== HOP_TAG),
  );
}

/** TON as the platform gave it; where it left it open: alphanumeric by its letters, international by `+`. */
function tonOf(address: string, ton: number): number {
  if (ton !== 0 || address === '') return ton;
  return /^\+?\d*$/.test(address) ? 0 : 5;
}
function npiOf(address: string, npi: number): number {
  if (npi !== 0 || address === '') return npi;
  return /^\+?\d*$/.test(address) ? 1 : 0;
}

// ---- towards platforms -----------------------------------------------------------------------------------------

const REFUSALS: Readonly<Record<Refusal, number>> = {
  throttled: ESME.RTHROTTLED,
  queueFull: ESME.RMSGQFUL,
  storeFailing: ESME.RSYSERR,
  source: ESME.RINVSRCADR,
  destination: ESME.RINVDSTADR,
  noRoute: ESME.RINVDSTADR,
  loop: ESME.RSUBMITFAIL,
  disabled: ESME.RSUBMITFAIL,
  validity: ESME.RINVEXPIRY,
  schedule: ESME.RINVSCHED,
  tooLong: ESME.RINVMSGLEN,
  notFound: ESME.RINVMSGID,
  cannotCancel: ESME.RCANCELFAIL,
  cannotReplace: ESME.RREPLACEFAIL,
  list: ESME.RINVDLNAME,
};

export const smppPlatform: PlatformMapping = {
  protocol: 'smpp',

  read(pdu, value, account, now): FromPlatform {
    switch (pdu.name) {
      case 'submit_sm': {
        const v = value as unknown as Pdu<typeof submitSm>;
        const status = validateSubmit(v);
        return status === 0
          ? { what: 'submit', draft: draftOf(v, account.defaultAlphabet, tagsAllowed(account), now) }
          : { what: 'refused', status };
      }
      case 'data_sm': {
        const v = value as unknown as Pdu<typeof dataSm>;
        const status =
          validateData(v) ||
          (v.sourceAddr.length > 20 ? ESME.RINVSRCADR : v.destinationAddr.length > 20 ? ESME.RINVDSTADR : 0);
        return status === 0
          ? { what: 'submit', draft: draftOf(v, account.defaultAlphabet, tagsAllowed(account), now) }
          : { what: 'refused', status };
      }
      case 'submit_multi': {
        const v = value as unknown as Pdu<typeof submitMulti>;
        const status = validateMulti(v);
        if (status !== 0) return { what: 'refused', status };
        const base = draftOf(v, account.defaultAlphabet, tagsAllowed(account), now);
        const drafts: Draft[] = [];
        for (const d of v.destAddress) {
          if (d.destFlag === 1)
            drafts.push({ ...base, destination: d.destinationAddr, destTon: d.destAddrTon, destNpi: d.destAddrNpi });
        }
        return { what: 'multi', drafts, lists: v.destAddress.length - drafts.length };
      }
      case 'query_sm': {
        const v = value as unknown as Pdu<typeof querySm>;
        return { what: 'query', id: v.messageId, source: v.sourceAddr };
      }
      case 'cancel_sm': {
        const v = value as unknown as Pdu<typeof cancelSm>;
        const status = validateLengths(pdu, value);
        if (status !== 0) return { what: 'refused', status };
        return {
          what: 'cancel',
          id: v.messageId,
          source: v.sourceAddr,
          destination: v.destinationAddr,
          serviceType: v.serviceType,
        };
      }
      case 'replace_sm': {
        const v = value as unknown as Pdu<typeof replaceSm>;
        const status = validateLengths(pdu, value) || validateTimes(v.scheduleDeliveryTime, v.validityPeriod);
        if (status !== 0) return { what: 'refused', status };
        // replace_sm has no data_coding: the text is in the coding of the message that it replaces (4.10).
        const draft = draftOf(
          {
            serviceType: '',
            sourceAddrTon: v.sourceAddrTon,
            sourceAddrNpi: v.sourceAddrNpi,
            sourceAddr: v.sourceAddr,
            esmClass: 0,
            registeredDelivery: v.registeredDelivery,
            dataCoding: 0,
            shortMessage: v.shortMessage,
            scheduleDeliveryTime: v.scheduleDeliveryTime,
            validityPeriod: v.validityPeriod,
            tlvs: v.tlvs,
          },
          account.defaultAlphabet,
          tagsAllowed(account),
          now,
        );
        return { what: 'replace', id: v.messageId, source: v.sourceAddr, draft };
      }
      default:
        return { what: 'refused', status: ESME.RINVCMDID };
    }
  },

  status: (refusal) => REFUSALS[refusal],
  statusName,

  submitAnswer(pdu, version, id, failed: readonly Failed[]): Outgoing {
    const codec = smppCodec(version);
    if (pdu.name === 'submit_multi') {
      return as(codec.submitMultiResp, {
        messageId: id,
        unsuccessSme: failed.map((f) => ({
          destAddrTon: f.ton,
          destAddrNpi: f.npi,
          destinationAddr: f.destination,
          errorStatusCode: f.status,
        })),
        tlvs: NO_TLVS,
      });
    }
    return as(pdu.name === 'data_sm' ? codec.dataSmResp : codec.submitSmResp, { messageId: id, tlvs: NO_TLVS });
  },

  queryAnswer(version, id, m, doneAt): Outgoing {
    const code = Number.parseInt(/\d{1,3}$/.exec(m.error)?.[0] ?? '', 10);
    return as(smppCodec(version).querySmResp, {
      messageId: id,
      finalDate: doneAt === 0 ? '' : absoluteTime(doneAt),
      messageState: m.state === 0 ? 1 : m.state,
      errorCode: Number.isInteger(code) && code >= 0 && code < 256 ? code : 0,
      tlvs: NO_TLVS,
    });
  },

  plainAnswer(pdu, version): Outgoing {
    const codec = smppCodec(version);
    const answer = codec.byId.get((pdu.id | 0x80000000) >>> 0) ?? codec.genericNack;
    return { plan: answer as unknown as Plan, value: (answer as unknown as Plan).fill({}) };
  },

  toReceipt(m, account, version): Outgoing {
    return receipt(m, m.state, m.error, m.endedAt, RECEIPT, account, version);
  },

  toIntermediate(m, state, error, account, version, now): Outgoing {
    return receipt(m, state, error, now, INTERMEDIATE, account, version);
  },

  toMo(m, account, version): Outgoing {
    const octets = withUdh(m.udh, m.octets);
    const tlvs = m.tlvs.length === 0 ? [] : readTlvs(m.tlvs, tagsAllowed(account));
    const long = octets.length > 254;
    if (long) tlvs.push({ tag: TAG.messagePayload, value: octets });
    const kept =
      m.coding === 'octets' || m.dataCoding > 0x0f ? m.dataCoding : dataCodingOf(m.coding, account.defaultAlphabet);
    return as(smppCodec(version).deliverSm, {
      serviceType: m.serviceType,
      sourceAddrTon: m.sourceTon,
      sourceAddrNpi: m.sourceNpi,
      sourceAddr: m.source,
      destAddrTon: m.destTon,
      destAddrNpi: m.destNpi,
      destinationAddr: m.destination,
      esmClass: m.udh.length > 0 ? UDHI : 0,
      protocolId: m.protocolId,
      priorityFlag: m.priority,
      scheduleDeliveryTime: '',
      validityPeriod: '',
      registeredDelivery: 0,
      replaceIfPresentFlag: 0,
      dataCoding: kept,
      smDefaultMsgId: 0,
      shortMessage: long ? NO_OCTETS : octets,
      tlvs: tlvs.length === 0 ? NO_TLVS : tlvs,
    });
  },

  readId(id, account, version) {
    const short = version < SMPP_34;
    const n = short || account.receipts.idForm === 'hex' ? Number.parseInt(id, 16) : Number(id);
    const plain = short || account.receipts.idForm === 'hex' ? /^[0-9a-fA-F]{1,14}$/ : /^\d{1,16}$/;
    return plain.test(id) && Number.isSafeInteger(n) ? { id: n, short } : undefined;
  },

  writeId: (id, account, version) => idText(id, version < SMPP_34 ? 'short' : account.receipts.idForm),

  outcome(status) {
    if (status === 0) return 'taken';
    switch (status) {
      // Temporary by their meaning (5.1.3); everything else says that this PDU will never be taken.
      case ESME.RSYSERR:
      case ESME.RMSGQFUL:
      case ESME.RTHROTTLED:
      case ESME.RX_T_APPN:
      case ESME.RINVBNDSTS:
      case ESME.RUNKNOWNERR:
        return 'later';
      default:
        return 'refused';
    }
  },
};

const RECEIPT_ID_AT = 1024;
const STATE_TLVS: readonly Tlv[] = Array.from({ length: 10 }, (_, state) => uintTlv(TAG.messageState, 1, state));

/** Latin-1 text in the scratch area from `o` on: valid until the next call, like all that goes into a PDU at once. */
function intoScratch(text: string, o: number): Uint8Array {
  return scratch.subarray(o, putLatin1(scratch, text, o));
}

/** The one receipt that is being written: encoded before the next is begun, so one object does for all. */
const told: Pdu<typeof deliverSm> = {
  serviceType: '',
  sourceAddrTon: 0,
  sourceAddrNpi: 0,
  sourceAddr: '',
  destAddrTon: 0,
  destAddrNpi: 0,
  destinationAddr: '',
  esmClass: RECEIPT,
  protocolId: 0,
  priorityFlag: 0,
  scheduleDeliveryTime: '',
  validityPeriod: '',
  registeredDelivery: 0,
  replaceIfPresentFlag: 0,
  dataCoding: 0,
  smDefaultMsgId: 0,
  shortMessage: NO_OCTETS,
  tlvs: NO_TLVS,
};

function receipt(
  m: Message,
  state: number,
  error: string,
  doneAt: number,
  type: number,
  account: AccountConfig,
  version: number,
): Outgoing {
  const { form } = account.receipts;
  const id = smppPlatform.writeId(m.publicId, account, version);
  const delivered = state === DELIVERED;
  // `err` is three characters; a carrier's longer word is in its TLV, and the digits at its end here.
  const err = error.length <= 3 ? error : (/\d{1,3}$/.exec(error)?.[0] ?? '');
  let end = 0;
  if (form !== 'tlv') {
    end = putReceipt(scratch, 0, {
      id,
      sub: 1,
      dlvrd: delivered ? 1 : 0,
      submitDate: m.acceptedAt,
      doneDate: doneAt,
      stat: stateWord(state),
      err,
    });
    if ((m.flags & REPLAYED) !== 0) end = putLatin1(scratch, 'replay', end);
  }
  const tlvs: Tlv[] = [];
  if (form !== 'text') {
    tlvs.push(
      { tag: TAG.receiptedMessageId, value: intoScratch(`${id}\0`, RECEIPT_ID_AT) },
      STATE_TLVS[state] ?? STATE_TLVS[UNKNOWN]!,
    );
    if (error !== '' && !delivered) tlvs.push(textTlv(TAG.additionalStatusInfoText, error));
  }
  if (m.tlvs.length > 0) tlvs.push(...readTlvs(m.tlvs, tagsAllowed(account)));
  if ((m.flags & REPLAYED) !== 0) tlvs.push(uintTlv(REPLAY_TAG, 1, 1));
  told.serviceType = m.serviceType;
  told.sourceAddrTon = m.destTon;
  told.sourceAddrNpi = m.destNpi;
  told.sourceAddr = m.destination;
  told.destAddrTon = m.sourceTon;
  told.destAddrNpi = m.sourceNpi;
  told.destinationAddr = m.source;
  told.esmClass = type;
  told.shortMessage = end === 0 ? NO_OCTETS : scratch.subarray(0, end);
  told.tlvs = tlvs;
  return as(smppCodec(version).deliverSm, told);
}
