import { UDHI } from '../../protocols/smpp/payload.ts';
import { ESME, statusName } from '../../protocols/smpp/status.ts';
import {
  type broadcastSm,
  type cancelSm,
  type DestAddress,
  type dataSm,
  type deliverSm,
  type querySm,
  type replaceSm,
  SMPP_34,
  smppCodec,
  type submitMulti,
  type submitSm,
} from '../../protocols/smpp/tables.ts';
import { absoluteTime } from '../../protocols/smpp/time.ts';
import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import {
  validateBroadcast,
  validateData,
  validateLengths,
  validateMulti,
  validateSubmit,
  validateTimes,
} from '../../protocols/smpp/validate.ts';
import { decode, encode } from '../../protocols/text/charset.ts';
import { isNational, isSeptets } from '../../protocols/text/national.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { NO_TLVS, uintTlv } from '../../protocols/wire/tlv.ts';
import type { AccountConfig } from '../config/schema.ts';
import { as, type Outgoing } from './mapping.ts';
import { type Draft, INCOMPLETE, type Message, NO_OCTETS } from './message.ts';
import { type Failed, type FromPlatform, MOST_DESTINATIONS, type PlatformMapping, type Refusal } from './platform.ts';
import { dataCodingOf, labelOf, packed, plainOctets, type Reading } from './smpp-coding.ts';
import { draftOf } from './smpp-draft.ts';
import { INTERMEDIATE, publicIdText, RECEIPT, readPublicId, receiptPdu } from './smpp-receipt.ts';
import { INCOMPLETE_TAG, tagsAllowed } from './smpp-tlvs.ts';
import { readTlvs } from './tlv-octets.ts';
import { headerAsIs, withoutShifts, withUdh } from './user-data-header.ts';

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

/** A text in a coding that the account's data_coding has a word for: GBK, of Chinese carriers, has none. */
function labelled(m: Message, account: AccountConfig): Pick<Message, 'udh' | 'coding' | 'octets'> {
  const { defaultAlphabet } = account;
  if (m.coding === 'octets' || labelOf(m.coding, defaultAlphabet, account) !== undefined) return m;
  const text = decode(m.octets, m.coding);
  const udh = isNational(m.coding) ? withoutShifts(m.udh) : m.udh;
  // Nothing is sent in UTF-8.
  const octets = defaultAlphabet === 'utf8' ? undefined : encode(text, defaultAlphabet);
  if (defaultAlphabet === 'utf8' || octets === undefined) return { udh, coding: 'ucs2', octets: encode(text, 'ucs2')! };
  return { udh, coding: defaultAlphabet, octets };
}

/** The text of replace_sm, whose coding its message tells: no octet of it is changed here. */
const AS_BEFORE: Reading = { dataCodings: { 0: 'octets' }, packed: false, trailingNulls: 'keep' };

/** SMPP as platforms speak it to us. */
export const smppPlatform: PlatformMapping = {
  protocol: 'smpp',
  tellsDays: false,
  idPerDestination: false,

  read(pdu, value, account, now): FromPlatform {
    switch (pdu.name) {
      case 'submit_sm': {
        const v = value as unknown as Pdu<typeof submitSm>;
        const status = validateSubmit(v);
        return status === 0
          ? { what: 'submit', draft: draftOf(v, account.defaultAlphabet, account, tagsAllowed(account), now) }
          : { what: 'refused', status };
      }
      case 'data_sm': {
        const v = value as unknown as Pdu<typeof dataSm>;
        const status =
          validateData(v) ||
          (v.sourceAddr.length > 20 ? ESME.RINVSRCADR : v.destinationAddr.length > 20 ? ESME.RINVDSTADR : 0);
        return status === 0
          ? { what: 'submit', draft: draftOf(v, account.defaultAlphabet, account, tagsAllowed(account), now) }
          : { what: 'refused', status };
      }
      case 'submit_multi': {
        const v = value as unknown as Pdu<typeof submitMulti>;
        const status = validateMulti(v);
        if (status !== 0) return { what: 'refused', status };
        const base = draftOf(v, account.defaultAlphabet, account, tagsAllowed(account), now);
        const { drafts, unknown } = destinationsOf(v.destAddress, base, account.lists);
        if (drafts.length > MOST_DESTINATIONS) return { what: 'refused', status: ESME.RINVNUMDESTS };
        return { what: 'multi', whole: false, drafts, unknown };
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
          'gsm7',
          AS_BEFORE,
          tagsAllowed(account),
          now,
        );
        return { what: 'replace', id: v.messageId, source: v.sourceAddr, draft };
      }
      // Cells are no phones: there is none here to broadcast to, and the answer is the operation's own failure.
      case 'broadcast_sm': {
        const v = value as unknown as Pdu<typeof broadcastSm>;
        return { what: 'refused', status: validateBroadcast(v) || ESME.RBCASTFAIL };
      }
      case 'query_broadcast_sm':
        return { what: 'refused', status: ESME.RBCASTQUERYFAIL };
      case 'cancel_broadcast_sm':
        return { what: 'refused', status: ESME.RBCASTCANCELFAIL };
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
        // Counted in one octet: of a list's numbers that many can be named.
        unsuccessSme: failed.slice(0, 255).map((f) => ({
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
    return receiptPdu(m, m.state, m.error, m.endedAt, RECEIPT, account, version);
  },

  toIntermediate(m, state, error, account, version, now): Outgoing {
    return receiptPdu(m, state, error, now, INTERMEDIATE, account, version);
  },

  wholeMo: { short: 254, since: SMPP_34 },

  toMo(m, account, version): Outgoing {
    const text = labelled(m, account);
    const udh = headerAsIs(text);
    const octets = withUdh(
      udh,
      account.packed && isSeptets(text.coding) ? packed(text.octets, udh.length) : text.octets,
    );
    const tlvs = m.tlvs.length === 0 ? [] : readTlvs(m.tlvs, tagsAllowed(account));
    const asData = account.deliverBy === 'data_sm' && version >= SMPP_34;
    const long = octets.length > 254 || asData;
    if (long) tlvs.push({ tag: TAG.messagePayload, value: octets });
    if ((m.flags & INCOMPLETE) !== 0 && version >= SMPP_34) tlvs.push(uintTlv(INCOMPLETE_TAG, 1, 1));
    const kept =
      text === m && (m.coding === 'octets' || m.dataCoding > 0x0f)
        ? plainOctets(m.dataCoding)
        : dataCodingOf(text.coding, account.defaultAlphabet, account);
    const codec = smppCodec(version);
    const told: Pdu<typeof deliverSm> = {
      serviceType: m.serviceType.length > 5 ? '' : m.serviceType,
      sourceAddrTon: m.sourceTon,
      sourceAddrNpi: m.sourceNpi,
      sourceAddr: m.source,
      destAddrTon: m.destTon,
      destAddrNpi: m.destNpi,
      destinationAddr: m.destination,
      esmClass: udh.length > 0 ? UDHI : 0,
      protocolId: m.protocolId,
      priorityFlag: m.priority,
      scheduleDeliveryTime: '',
      validityPeriod: '',
      registeredDelivery: 0,
      replaceIfPresentFlag: 0,
      dataCoding: kept,
      smDefaultMsgId: 0,
      // Before 3.4 there is no message_payload: the beginning of a text, rather than nothing.
      shortMessage: !long ? octets : version < SMPP_34 ? octets.subarray(0, 254) : NO_OCTETS,
      tlvs: tlvs.length === 0 ? NO_TLVS : tlvs,
    };
    return asData ? as(codec.dataSm, told) : as(codec.deliverSm, told);
  },

  toAlert(alert, version) {
    return as(smppCodec(version).alertNotification, {
      sourceAddrTon: alert.sourceTon,
      sourceAddrNpi: alert.sourceNpi,
      sourceAddr: alert.source,
      esmeAddrTon: alert.calledTon,
      esmeAddrNpi: alert.calledNpi,
      esmeAddr: alert.called,
      tlvs:
        alert.availability === undefined ? NO_TLVS : [uintTlv(TAG.msAvailabilityStatus, 1, alert.availability & 0xff)],
    });
  },

  readId: readPublicId,
  writeId: (id, _acceptedAt, account, version) => publicIdText(id, account, version),

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

/**
 * The destinations of a submit_multi, lists taken apart; a number that a list shares with what stands before it gets the
 * message once. `unknown`: names of lists that the account has not.
 */
function destinationsOf(
  given: readonly DestAddress[],
  base: Draft,
  lists: Readonly<Record<string, readonly string[]>>,
): { drafts: Draft[]; unknown: string[] } {
  const drafts: Draft[] = [];
  const unknown: string[] = [];
  const seen = new Set<string>();
  for (const d of given) {
    if (d.destFlag === 1) {
      seen.add(d.destinationAddr);
      drafts.push({ ...base, destination: d.destinationAddr, destTon: d.destAddrTon, destNpi: d.destAddrNpi });
      continue;
    }
    const numbers = Object.hasOwn(lists, d.dlName) ? lists[d.dlName] : undefined;
    if (numbers === undefined) {
      unknown.push(d.dlName);
      continue;
    }
    for (const destination of numbers) {
      if (seen.has(destination)) continue;
      seen.add(destination);
      drafts.push({ ...base, destination, destTon: 1, destNpi: 1 });
    }
  }
  return { drafts, unknown };
}
