import { parseUdh } from '../text/udh.ts';
import type { WireFault } from '../wire/fault.ts';
import type { Fields, Pdu, Values } from '../wire/pdu.ts';
import type { Plan } from '../wire/plan.ts';
import { type Tlv, tlvUint } from '../wire/tlv.ts';
import { messageOctets, UDHI } from './payload.ts';
import { ESME } from './status.ts';
import {
  type bindTransceiver,
  type broadcastSm,
  type dataSm,
  SMPP_34,
  SMPP_50,
  smppCodec,
  type submitMulti,
  type submitSm,
} from './tables.ts';
import { parseTime } from './time.ts';
import { TAG, tlvRow } from './tlv-tags.ts';

/** Passwords beyond the table's 8 characters are common; beyond this they are an attack. */
const MAX_PASSWORD = 64;

/** Status for a field that is too long for its table. short_message of 255 octets is taken: 5.0 has it, peers send it. */
const tooLongStatus: Readonly<Record<string, number>> = {
  serviceType: ESME.RINVSERTYP,
  sourceAddr: ESME.RINVSRCADR,
  destinationAddr: ESME.RINVDSTADR,
  messageId: ESME.RINVMSGID,
  scheduleDeliveryTime: ESME.RINVSCHED,
  validityPeriod: ESME.RINVEXPIRY,
  shortMessage: ESME.ROK,
};

/** Status 0, or the one for the first field longer than its table allows: for PDUs that have no function of their own. */
export function validateLengths<F extends Fields>(plan: Plan<F>, value: Readonly<Values<F>>): number {
  const field = plan.tooLong(value);
  return field === undefined ? ESME.ROK : (tooLongStatus[field] ?? ESME.RINVCMDLEN);
}

const { submitSm: submitPlan, submitMulti: multiPlan, dataSm: dataPlan } = smppCodec(SMPP_34);
const { broadcastSm: broadcastPlan } = smppCodec(SMPP_50);

/**
 * Status that a customer's submit_sm gets for what it is: 0, or the ESME code for lengths over the table's, times that
 * are none, optional parameters that contradict, a user data header that does not parse.
 */
export function validateSubmit(value: Pdu<typeof submitSm>): number {
  return (
    validateLengths(submitPlan, value) ||
    validateTimes(value.scheduleDeliveryTime, value.validityPeriod) ||
    validateMessage(value.esmClass, value.shortMessage, value.tlvs)
  );
}

/** As `validateSubmit`, for submit_multi. */
export function validateMulti(value: Pdu<typeof submitMulti>): number {
  if (value.destAddress.length === 0) return ESME.RINVNUMDESTS;
  for (const d of value.destAddress) {
    if (d.destFlag === 1 && d.destinationAddr.length > 20) return ESME.RINVDSTADR;
    if (d.destFlag === 2 && (d.dlName.length > 20 || d.dlName === '')) return ESME.RINVDLNAME;
  }
  return (
    validateLengths(multiPlan, value) ||
    validateTimes(value.scheduleDeliveryTime, value.validityPeriod) ||
    validateMessage(value.esmClass, value.shortMessage, value.tlvs)
  );
}

const NO_OCTETS = new Uint8Array(0);

/** As `validateSubmit`, for a customer's data_sm. */
export function validateData(value: Pdu<typeof dataSm>): number {
  return validateLengths(dataPlan, value) || validateMessage(value.esmClass, NO_OCTETS, value.tlvs);
}

/** Parameters without which there is nothing to broadcast, nowhere and never (5.0: 4.4.1). */
const BROADCAST_NEEDS = [
  TAG.broadcastAreaIdentifier,
  TAG.broadcastContentType,
  TAG.broadcastRepNum,
  TAG.broadcastFrequencyInterval,
];

/** As `validateSubmit`, for a customer's broadcast_sm. */
export function validateBroadcast(value: Pdu<typeof broadcastSm>): number {
  const status =
    validateLengths(broadcastPlan, value) || validateTimes(value.scheduleDeliveryTime, value.validityPeriod);
  if (status !== ESME.ROK) return status;
  return BROADCAST_NEEDS.every((tag) => value.tlvs.some((t) => t.tag === tag)) ? ESME.ROK : ESME.RMISSINGOPTPARAM;
}

/** Status for a bind's lengths. */
export function validateBind(value: Pdu<typeof bindTransceiver>): number {
  if (value.systemId.length > 15) return ESME.RINVSYSID;
  if (value.password.length > MAX_PASSWORD) return ESME.RINVPASWD;
  if (value.systemType.length > 12) return ESME.RINVSYSTYP;
  if (value.addressRange.length > 40) return ESME.RBINDFAIL;
  return ESME.ROK;
}

/** Status for the two times of a submit or replace. */
export function validateTimes(scheduleDeliveryTime: string, validityPeriod: string): number {
  if (scheduleDeliveryTime !== '' && parseTime(scheduleDeliveryTime, 0).kind === 'invalid') return ESME.RINVSCHED;
  if (validityPeriod !== '' && parseTime(validityPeriod, 0).kind === 'invalid') return ESME.RINVEXPIRY;
  return ESME.ROK;
}

function validateMessage(esmClass: number, shortMessage: Uint8Array, tlvs: readonly Tlv[]): number {
  if (tlvs.length !== 0) {
    const status = validateTlvs(esmClass, shortMessage, tlvs);
    if (status !== ESME.ROK) return status;
  }
  if ((esmClass & UDHI) !== 0 && parseUdh(messageOctets({ shortMessage, tlvs })).fault !== undefined) {
    return ESME.RINVESMCLASS;
  }
  return ESME.ROK;
}

function validateTlvs(esmClass: number, shortMessage: Uint8Array, tlvs: readonly Tlv[]): number {
  let payloads = 0;
  let sar = false;
  for (const { tag, value } of tlvs) {
    if (value.length === 0) {
      // An integer of another width is read by its length; one of no octets has no value. 130c is a mere flag.
      const row = tlvRow(tag);
      if (row?.kind.startsWith('uint') && tag !== TAG.alertOnMessageDelivery) {
        return ESME.RINVPARLEN;
      }
    }
    if (tag === TAG.messagePayload) {
      // Stacks disagree whether the first or the last counts: refuse rather than guess which text is meant.
      if (++payloads > 1) return ESME.RINVOPTPARAMVAL;
      if (value.length > 0 && shortMessage.length > 0) return ESME.ROPTPARNOTALLWD;
    } else if (tag === TAG.sarTotalSegments || tag === TAG.sarSegmentSeqnum) {
      sar = true;
    }
  }
  if (!sar) return ESME.ROK;
  if ((esmClass & UDHI) !== 0 && parseUdh(messageOctets({ shortMessage, tlvs })).concat !== undefined) {
    return ESME.ROPTPARNOTALLWD;
  }
  const total = tlvUint(tlvs, TAG.sarTotalSegments);
  const seq = tlvUint(tlvs, TAG.sarSegmentSeqnum);
  return total === 0 || seq === 0 || (total !== undefined && seq !== undefined && seq > total)
    ? ESME.RINVOPTPARAMVAL
    : ESME.ROK;
}

/** Status to answer a request with that could not be read. (A response that could not be read is never answered.) */
export function faultStatus(fault: WireFault, commandId: number): number {
  switch (fault.reason) {
    case 'unknown-command':
      return ESME.RINVCMDID;
    case 'counted-overrun':
      return ESME.RINVMSGLEN;
    case 'tlv-overrun':
    case 'tlv-too-many':
      return ESME.RINVOPTPARSTREAM;
    case 'bad-choice':
      return ESME.RINVDESTFLAG;
    case 'truncated':
    case 'no-terminator':
      if (commandId === 0x01 || commandId === 0x02 || commandId === 0x09) {
        // What breaks a bind behind its system_id is a password without its NUL.
        return fault.field === 'systemId' ? ESME.RINVSYSID : ESME.RINVPASWD;
      }
      return ESME.RINVCMDLEN;
    default:
      return ESME.RINVCMDLEN;
  }
}
