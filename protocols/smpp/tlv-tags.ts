import { findNul, latin1 } from '../wire/octets.ts';
import { specName } from '../wire/pdu.ts';
import type { Tlv } from '../wire/tlv.ts';

/** How the value of an optional parameter is written. Integers are read by their length on the wire, whatever it is. */
export type TlvKind = 'uint1' | 'uint2' | 'uint4' | 'cstring' | 'octets';

export interface TlvRow {
  readonly tag: number;
  readonly name: string;
  readonly kind: TlvKind;
}

/** Optional parameters of 3.4 (5.3.2) and 5.0 (4.8.4), by the specification's name. */
export const TAG = {
  destAddrSubunit: 0x0005,
  destNetworkType: 0x0006,
  destBearerType: 0x0007,
  destTelematicsId: 0x0008,
  sourceAddrSubunit: 0x000d,
  sourceNetworkType: 0x000e,
  sourceBearerType: 0x000f,
  sourceTelematicsId: 0x0010,
  qosTimeToLive: 0x0017,
  payloadType: 0x0019,
  additionalStatusInfoText: 0x001d,
  receiptedMessageId: 0x001e,
  msMsgWaitFacilities: 0x0030,
  privacyIndicator: 0x0201,
  sourceSubaddress: 0x0202,
  destSubaddress: 0x0203,
  userMessageReference: 0x0204,
  userResponseCode: 0x0205,
  sourcePort: 0x020a,
  destinationPort: 0x020b,
  sarMsgRefNum: 0x020c,
  languageIndicator: 0x020d,
  sarTotalSegments: 0x020e,
  sarSegmentSeqnum: 0x020f,
  scInterfaceVersion: 0x0210,
  callbackNumPresInd: 0x0302,
  callbackNumAtag: 0x0303,
  numberOfMessages: 0x0304,
  callbackNum: 0x0381,
  dpfResult: 0x0420,
  setDpf: 0x0421,
  msAvailabilityStatus: 0x0422,
  networkErrorCode: 0x0423,
  messagePayload: 0x0424,
  deliveryFailureReason: 0x0425,
  moreMessagesToSend: 0x0426,
  messageState: 0x0427,
  congestionState: 0x0428,
  ussdServiceOp: 0x0501,
  broadcastChannelIndicator: 0x0600,
  broadcastContentType: 0x0601,
  broadcastContentTypeInfo: 0x0602,
  broadcastMessageClass: 0x0603,
  broadcastRepNum: 0x0604,
  broadcastFrequencyInterval: 0x0605,
  broadcastAreaIdentifier: 0x0606,
  broadcastErrorStatus: 0x0607,
  broadcastAreaSuccess: 0x0608,
  broadcastEndTime: 0x0609,
  broadcastServiceGroup: 0x060a,
  billingIdentification: 0x060b,
  sourceNetworkId: 0x060d,
  destNetworkId: 0x060e,
  sourceNodeId: 0x060f,
  destNodeId: 0x0610,
  destAddrNpResolution: 0x0611,
  destAddrNpInformation: 0x0612,
  destAddrNpCountry: 0x0613,
  displayTime: 0x1201,
  smsSignal: 0x1203,
  msValidity: 0x1204,
  alertOnMessageDelivery: 0x130c,
  itsReplyType: 0x1380,
  itsSessionInfo: 0x1383,
} as const;

const kinds: Readonly<Record<keyof typeof TAG, TlvKind>> = {
  destAddrSubunit: 'uint1',
  destNetworkType: 'uint1',
  destBearerType: 'uint1',
  destTelematicsId: 'uint2',
  sourceAddrSubunit: 'uint1',
  sourceNetworkType: 'uint1',
  sourceBearerType: 'uint1',
  sourceTelematicsId: 'uint1',
  qosTimeToLive: 'uint4',
  payloadType: 'uint1',
  additionalStatusInfoText: 'cstring',
  receiptedMessageId: 'cstring',
  msMsgWaitFacilities: 'uint1',
  privacyIndicator: 'uint1',
  sourceSubaddress: 'octets',
  destSubaddress: 'octets',
  userMessageReference: 'uint2',
  userResponseCode: 'uint1',
  sourcePort: 'uint2',
  destinationPort: 'uint2',
  sarMsgRefNum: 'uint2',
  languageIndicator: 'uint1',
  sarTotalSegments: 'uint1',
  sarSegmentSeqnum: 'uint1',
  scInterfaceVersion: 'uint1',
  callbackNumPresInd: 'uint1',
  callbackNumAtag: 'octets',
  numberOfMessages: 'uint1',
  callbackNum: 'octets',
  dpfResult: 'uint1',
  setDpf: 'uint1',
  msAvailabilityStatus: 'uint1',
  networkErrorCode: 'octets',
  messagePayload: 'octets',
  deliveryFailureReason: 'uint1',
  moreMessagesToSend: 'uint1',
  messageState: 'uint1',
  congestionState: 'uint1',
  ussdServiceOp: 'octets',
  broadcastChannelIndicator: 'uint1',
  broadcastContentType: 'octets',
  broadcastContentTypeInfo: 'octets',
  broadcastMessageClass: 'uint1',
  broadcastRepNum: 'uint2',
  broadcastFrequencyInterval: 'octets',
  broadcastAreaIdentifier: 'octets',
  broadcastErrorStatus: 'uint4',
  broadcastAreaSuccess: 'uint1',
  broadcastEndTime: 'cstring',
  broadcastServiceGroup: 'octets',
  billingIdentification: 'octets',
  sourceNetworkId: 'cstring',
  destNetworkId: 'cstring',
  sourceNodeId: 'octets',
  destNodeId: 'octets',
  destAddrNpResolution: 'uint1',
  destAddrNpInformation: 'octets',
  destAddrNpCountry: 'octets',
  displayTime: 'uint1',
  smsSignal: 'uint2',
  msValidity: 'octets',
  alertOnMessageDelivery: 'uint1',
  itsReplyType: 'uint1',
  itsSessionInfo: 'octets',
};

const rows: readonly TlvRow[] = (Object.keys(TAG) as (keyof typeof TAG)[]).map((key) => ({
  tag: TAG[key],
  name: specName(key),
  kind: kinds[key],
}));
const byTag: ReadonlyMap<number, TlvRow> = new Map(rows.map((row) => [row.tag, row]));
const byName: ReadonlyMap<string, TlvRow> = new Map(rows.map((row) => [row.name, row]));

/** Row of a tag, or undefined: vendors have 0x1400-0x3fff, and use others too. */
export const tlvRow = (tag: number): TlvRow | undefined => byTag.get(tag);

/** `user_message_reference`, or `0x1400` for a tag in no table. */
export function tlvName(tag: number): string {
  return byTag.get(tag)?.name ?? `0x${tag.toString(16).padStart(4, '0')}`;
}

/** Tag of a name or of `0x1400`, for allow-lists in configuration; undefined where it is neither. */
export function tlvTag(name: string): number | undefined {
  const row = byName.get(name);
  if (row !== undefined) return row.tag;
  return /^0x[0-9a-f]{1,4}$/i.test(name) ? Number.parseInt(name, 16) : undefined;
}

/** A value as a person reads it: number, text up to its NUL, or hex. */
export function tlvValue({ tag, value }: Tlv): number | string {
  const b = Buffer.from(value.buffer, value.byteOffset, value.length);
  const kind = byTag.get(tag)?.kind;
  if (kind === 'cstring') return latin1(b, 0, findNul(b, 0, b.length));
  // More than six octets are not exact as a number.
  if (kind === undefined || kind === 'octets' || b.length > 6) return b.toString('hex');
  return b.length === 0 ? 0 : b.readUIntBE(0, b.length);
}
