import { putReceipt, type ReceiptForm, stateWord } from '../../protocols/smpp/receipt.ts';
import { type deliverSm, SMPP_34, smppCodec } from '../../protocols/smpp/tables.ts';
import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import { putLatin1 } from '../../protocols/wire/octets.ts';
import type { Pdu } from '../../protocols/wire/pdu.ts';
import { NO_TLVS, type Tlv, textTlv, uintTlv } from '../../protocols/wire/tlv.ts';
import type { AccountConfig } from '../config/schema.ts';
import { as, type Outgoing } from './mapping.ts';
import { DELIVERED, idText, type Message, NO_OCTETS, REPLAYED, UNKNOWN } from './message.ts';
import type { KnownId } from './public-id.ts';
import { tagsAllowed } from './smpp-tlvs.ts';
import { readTlvs } from './tlv-octets.ts';

/** esm_class: MC delivery receipt, intermediate notification (3.4: 5.2.12). */
export const RECEIPT = 0x04;
export const INTERMEDIATE = 0x20;

/** Tag that marks a receipt told again on request. */
const REPLAY_TAG = 0x3f5a;

/** Our id in the account's form: decimal, hexadecimal, or eight digits for peers older than 3.4. */
export function publicIdText(id: number, account: AccountConfig, version: number): string {
  return idText(id, version < SMPP_34 ? 'short' : account.receipts.idForm);
}

/** The id that a platform names, back as ours; peers older than 3.4 know 32 bits of it. */
export function readPublicId(id: string, account: AccountConfig, version: number): KnownId | undefined {
  const short = version < SMPP_34;
  const n = short || account.receipts.idForm === 'hex' ? Number.parseInt(id, 16) : Number(id);
  const plain = short || account.receipts.idForm === 'hex' ? /^[0-9a-fA-F]{1,14}$/ : /^\d{1,16}$/;
  if (!plain.test(id) || !Number.isSafeInteger(n)) return undefined;
  return { id: n, every: short ? 0x1_0000_0000 : 0, from: 0, to: Number.POSITIVE_INFINITY };
}

const scratch = Buffer.allocUnsafe(4096);
const RECEIPT_ID_AT = 1024;
const STATE_TLVS: readonly Tlv[] = Array.from({ length: 10 }, (_, state) => uintTlv(TAG.messageState, 1, state));

/** Latin-1 text in the scratch area from `o` on: valid until the next call, like all that goes into a PDU at once. */
function intoScratch(text: string, o: number): Uint8Array {
  return scratch.subarray(o, putLatin1(scratch, text, o));
}

/** `err` of a receipt: three characters; a carrier's longer word is in a parameter, and the digits at its end here. */
export function errOf(error: string, table: Readonly<Record<string, string>>): string {
  if (error === '') return '';
  return tableErr(error, table) ?? (error.length <= 3 ? error : (/\d{1,3}$/.exec(error)?.[0] ?? ''));
}

/** By the whole word, by what stands before our own number of a status (`ESME_RINVDSTADR:011`), by its beginning. */
function tableErr(error: string, table: Readonly<Record<string, string>>): string | undefined {
  const exact = table[error] ?? table[error.replace(/:\d+$/, '')];
  if (exact !== undefined) return exact;
  let best: string | undefined;
  let length = 0;
  for (const key in table) {
    if (!key.endsWith('*') || key.length <= length || !error.startsWith(key.slice(0, -1))) continue;
    best = table[key];
    length = key.length;
  }
  return best;
}

const dates: { seconds: boolean; offsetMinutes: number } = { seconds: false, offsetMinutes: 0 };
/** Valid until the next call, as the receipt that it is for. */
function formOf(receipts: AccountConfig['receipts']): ReceiptForm {
  dates.seconds = receipts.seconds;
  dates.offsetMinutes = receipts.zone;
  return dates;
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

/** The receipt (or intermediate notification) of a message in its account's form: valid until the next one is made. */
export function receiptPdu(
  m: Message,
  state: number,
  error: string,
  doneAt: number,
  type: number,
  account: AccountConfig,
  version: number,
): Outgoing {
  const { receipts } = account;
  // A peer older than 3.4 is sent no parameter: for it the text is all there is.
  const form = version < SMPP_34 ? 'text' : receipts.form;
  const id = publicIdText(m.publicId, account, version);
  const delivered = state === DELIVERED;
  let end = 0;
  if (form !== 'tlv') {
    const parts = {
      id,
      sub: 1,
      dlvrd: delivered ? 1 : 0,
      submitDate: m.acceptedAt,
      doneDate: doneAt,
      stat: stateWord(state),
      err: errOf(error, receipts.errors),
    };
    end = putReceipt(scratch, 0, parts, formOf(receipts));
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
  const octets = end === 0 ? NO_OCTETS : scratch.subarray(0, end);
  const asData = account.deliverBy === 'data_sm' && version >= SMPP_34;
  if (asData && end !== 0) tlvs.push({ tag: TAG.messagePayload, value: octets });
  told.serviceType = m.serviceType;
  told.sourceAddrTon = m.destTon;
  told.sourceAddrNpi = m.destNpi;
  told.sourceAddr = m.destination;
  told.destAddrTon = m.sourceTon;
  told.destAddrNpi = m.sourceNpi;
  told.destinationAddr = m.source;
  told.esmClass = type;
  told.shortMessage = octets;
  told.tlvs = tlvs;
  const codec = smppCodec(version);
  return asData ? as(codec.dataSm, told) : as(codec.deliverSm, told);
}
