import { WireFault } from '../wire/fault.ts';
import { type Custom, counted, cstring, custom, type Kind, uint8 } from '../wire/field.ts';
import { cursor, findNul, latin1, putLatin1 } from '../wire/octets.ts';
import { definePdu, type Fields, type PduTable } from '../wire/pdu.ts';
import { type Plan, type Plans, plan } from '../wire/plan.ts';
import { type Tlv, type TlvRules, tlvs } from '../wire/tlv.ts';

/** Protocol versions, as in interface_version. */
export const SMPP_33 = 0x33;
export const SMPP_34 = 0x34;
export const SMPP_50 = 0x50;

const MAX_TLVS = 64;

/** Optional parameters: read whatever the version, written from 3.4 on (a 3.3 peer must be sent none). */
function optional(pdu: string, onOverrun: TlvRules['onOverrun']): Kind<readonly Tlv[]> {
  const kind = tlvs(pdu, { onOverrun, maxCount: MAX_TLVS, trailingZeros: 3 });
  const read = kind.uses as (version: number) => Custom<readonly Tlv[]>;
  return {
    ...kind,
    uses: (version): Custom<readonly Tlv[]> =>
      version >= SMPP_34 ? read(version) : { ...read(version), write: (_list, _b, o) => o, size: () => 0 },
  };
}
/** From a customer: a cut parameter is refused, nobody must pay for a cut message. */
const strictTlvs = (pdu: string): Kind<readonly Tlv[]> => optional(pdu, 'fault');
/** From an SMSC, and where nothing hangs on it: what is there is taken (seen: receipts that say 65 octets and bring 5). */
const tolerantTlvs = (pdu: string): Kind<readonly Tlv[]> => optional(pdu, 'clamp');

/** As `counted`, but a length beyond the frame takes what is there (seen: SMSCs that count UCS-2 and send octets). */
const clamped: Kind<Uint8Array> = {
  ...counted(254),
  get: (s) =>
    counted(254)
      .get(s)
      .replace(/if\(e>end\)overrun\([^)]*\);/, 'if(e>end)e=end;'),
};

/** As `cstring`, for a last field that short clients leave out or do not end. */
const lastCstring = (max: number): Kind<string> => ({
  ...cstring(max),
  get: (s) => `e=findNul(b,o,end);${s.value}=latin1Again(${s.uses},b,o,e);o=e===end?end:e+1;`,
});

/** One entry of submit_multi's dest_address: an SME address (dest_flag 1) or a distribution list (2). */
export type DestAddress =
  | {
      readonly destFlag: 1;
      readonly destAddrTon: number;
      readonly destAddrNpi: number;
      readonly destinationAddr: string;
    }
  | { readonly destFlag: 2; readonly dlName: string };

/** One entry of submit_multi_resp's unsuccess_sme. */
export interface UnsuccessSme {
  readonly destAddrTon: number;
  readonly destAddrNpi: number;
  readonly destinationAddr: string;
  readonly errorStatusCode: number;
}

/** Text up to its NUL; the offset behind it in `cursor.at`. */
function text(b: Buffer, o: number, end: number, field: string): string {
  const e = findNul(b, o, end);
  if (e >= end) throw new WireFault(o < end ? 'no-terminator' : 'truncated', 'submit_multi', field, o);
  cursor.at = e + 1;
  return latin1(b, o, e);
}

/** number_of_dests (1), then the entries (3.4: 4.5.1). */
const destAddresses = custom<readonly DestAddress[]>([], () => ({
  read(b, o, end) {
    if (o >= end) throw new WireFault('truncated', 'submit_multi', 'numberOfDests', o);
    const list: DestAddress[] = [];
    cursor.at = o + 1;
    for (let n = b[o]!; n > 0; n--) {
      const at = cursor.at;
      if (at >= end) throw new WireFault('truncated', 'submit_multi', 'destFlag', at);
      if (b[at] === 1) {
        if (at + 3 > end) throw new WireFault('truncated', 'submit_multi', 'destAddrTon', at);
        list.push({
          destFlag: 1,
          destAddrTon: b[at + 1]!,
          destAddrNpi: b[at + 2]!,
          destinationAddr: text(b, at + 3, end, 'destinationAddr'),
        });
      } else if (b[at] === 2) {
        list.push({ destFlag: 2, dlName: text(b, at + 1, end, 'dlName') });
      } else {
        throw new WireFault('bad-choice', 'submit_multi', 'destFlag', at);
      }
    }
    return list;
  },
  write(list, b, o) {
    if (list.length > 254) throw new WireFault('value-too-long', 'submit_multi', 'numberOfDests', o);
    b[o++] = list.length;
    for (const d of list) {
      b[o++] = d.destFlag;
      if (d.destFlag === 1) {
        b[o++] = d.destAddrTon;
        b[o++] = d.destAddrNpi;
        o = putLatin1(b, d.destinationAddr, o);
      } else {
        o = putLatin1(b, d.dlName, o);
      }
      b[o++] = 0;
    }
    return o;
  },
  size(list) {
    let n = 1;
    for (const d of list) n += d.destFlag === 1 ? 4 + d.destinationAddr.length : 2 + d.dlName.length;
    return n;
  },
}));

/** no_unsuccess (1), then the entries (3.4: 4.5.2). Peers cut it short: entries that are whole are kept. */
const unsuccessSmes = custom<readonly UnsuccessSme[]>([], () => ({
  read(b, o, end) {
    const list: UnsuccessSme[] = [];
    let at = o + 1;
    for (let n = b[o]!; n > 0; n--) {
      const e = findNul(b, at + 2, end);
      if (e + 5 > end) {
        at = end;
        break;
      }
      list.push({
        destAddrTon: b[at]!,
        destAddrNpi: b[at + 1]!,
        destinationAddr: latin1(b, at + 2, e),
        errorStatusCode: b.readUInt32BE(e + 1),
      });
      at = e + 5;
    }
    cursor.at = at;
    return list;
  },
  write(list, b, o) {
    if (list.length > 255) throw new WireFault('value-too-long', 'submit_multi_resp', 'noUnsuccess', o);
    b[o++] = list.length;
    for (const u of list) {
      b[o++] = u.destAddrTon;
      b[o++] = u.destAddrNpi;
      o = putLatin1(b, u.destinationAddr, o);
      b[o++] = 0;
      o = b.writeUInt32BE(u.errorStatusCode, o);
    }
    return o;
  },
  size(list) {
    let n = 1;
    for (const u of list) n += 7 + u.destinationAddr.length;
    return n;
  },
}));

const source = { sourceAddrTon: uint8, sourceAddrNpi: uint8, sourceAddr: cstring(21) } as const;
const destination = { destAddrTon: uint8, destAddrNpi: uint8, destinationAddr: cstring(21) } as const;
const longSource = { sourceAddrTon: uint8, sourceAddrNpi: uint8, sourceAddr: cstring(65) } as const;
const longDestination = { destAddrTon: uint8, destAddrNpi: uint8, destinationAddr: cstring(65) } as const;
const times = { scheduleDeliveryTime: cstring(17), validityPeriod: cstring(17) } as const;
const messageId = { messageId: cstring(65) } as const;
const modes = { esmClass: uint8, protocolId: uint8, priorityFlag: uint8, ...times } as const;
const message = {
  registeredDelivery: uint8,
  replaceIfPresentFlag: uint8,
  dataCoding: uint8,
  smDefaultMsgId: uint8,
  shortMessage: counted(254),
} as const;

const bind = (name: string) =>
  ({
    systemId: cstring(16),
    password: cstring(9),
    systemType: cstring(13),
    interfaceVersion: uint8,
    addrTon: uint8,
    addrNpi: uint8,
    addressRange: lastCstring(41),
    tlvs: tolerantTlvs(name),
  }) as const;
const bindAnswer = (name: string) => ({ systemId: cstring(16), tlvs: tolerantTlvs(name) }) as const;
const answer = (name: string) => ({ ...messageId, tlvs: tolerantTlvs(name) }) as const;
const empty = (name: string) => ({ tlvs: tolerantTlvs(name) }) as const;

const toBind = { from: 'client', when: 'unbound' } as const;
const bound = { from: 'server', when: 'unbound', lenient: true } as const;
const fromClient = { from: 'client' } as const;
const fromServer = { from: 'server' } as const;
const answerOfServer = { from: 'server', lenient: true } as const;
const answerOfClient = { from: 'client', lenient: true } as const;
const answerOfBoth = { from: 'both', lenient: true } as const;

/** Body of bind_receiver, bind_transmitter and bind_transceiver (3.4: 4.1). */
export const bindReceiver = definePdu(0x01, 'bind_receiver', bind('bind_receiver'), toBind);
export const bindReceiverResp = definePdu(0x80000001, 'bind_receiver_resp', bindAnswer('bind_receiver_resp'), bound);
export const bindTransmitter = definePdu(0x02, 'bind_transmitter', bind('bind_transmitter'), toBind);
export const bindTransmitterResp = definePdu(
  0x80000002,
  'bind_transmitter_resp',
  bindAnswer('bind_transmitter_resp'),
  bound,
);
export const bindTransceiver = definePdu(0x09, 'bind_transceiver', bind('bind_transceiver'), toBind);
export const bindTransceiverResp = definePdu(
  0x80000009,
  'bind_transceiver_resp',
  bindAnswer('bind_transceiver_resp'),
  bound,
);
export const outbind = definePdu(
  0x0b,
  'outbind',
  { systemId: cstring(16), password: cstring(9), tlvs: tolerantTlvs('outbind') },
  { from: 'server', when: 'unbound' },
);

export const unbind = definePdu(0x06, 'unbind', empty('unbind'));
export const unbindResp = definePdu(0x80000006, 'unbind_resp', empty('unbind_resp'), answerOfBoth);
export const enquireLink = definePdu(0x15, 'enquire_link', empty('enquire_link'), { when: 'any' });
export const enquireLinkResp = definePdu(0x80000015, 'enquire_link_resp', empty('enquire_link_resp'), {
  when: 'any',
  lenient: true,
});
export const genericNack = definePdu(0x80000000, 'generic_nack', empty('generic_nack'), { when: 'any', lenient: true });

export const submitSm = definePdu(
  0x04,
  'submit_sm',
  { serviceType: cstring(6), ...source, ...destination, ...modes, ...message, tlvs: strictTlvs('submit_sm') },
  fromClient,
);
export const submitSmResp = definePdu(0x80000004, 'submit_sm_resp', answer('submit_sm_resp'), answerOfServer);

/** Same body as submit_sm, read with more patience: an SMSC repeats for days what is refused. */
export const deliverSm = definePdu(
  0x05,
  'deliver_sm',
  {
    serviceType: cstring(6),
    ...source,
    ...destination,
    ...modes,
    ...message,
    shortMessage: clamped,
    tlvs: tolerantTlvs('deliver_sm'),
  },
  fromServer,
);
/** message_id is unused and sent empty (3.4: 4.6.2). */
export const deliverSmResp = definePdu(0x80000005, 'deliver_sm_resp', answer('deliver_sm_resp'), answerOfClient);

const data = {
  serviceType: cstring(6),
  ...longSource,
  ...longDestination,
  esmClass: uint8,
  registeredDelivery: uint8,
  dataCoding: uint8,
} as const;
export const dataSm = definePdu(0x103, 'data_sm', { ...data, tlvs: strictTlvs('data_sm') });
/** data_sm as a client reads it: see `SmppCodec.fromServer`. */
export const dataSmFromServer = definePdu(
  0x103,
  'data_sm',
  { ...data, tlvs: tolerantTlvs('data_sm') },
  { from: 'server' },
);
export const dataSmResp = definePdu(0x80000103, 'data_sm_resp', answer('data_sm_resp'), answerOfBoth);

export const submitMulti = definePdu(
  0x21,
  'submit_multi',
  {
    serviceType: cstring(6),
    ...source,
    destAddress: destAddresses,
    ...modes,
    ...message,
    tlvs: strictTlvs('submit_multi'),
  },
  fromClient,
);
export const submitMultiResp = definePdu(
  0x80000021,
  'submit_multi_resp',
  { ...messageId, unsuccessSme: unsuccessSmes, tlvs: tolerantTlvs('submit_multi_resp') },
  answerOfServer,
);

export const querySm = definePdu(
  0x03,
  'query_sm',
  { ...messageId, ...source, tlvs: tolerantTlvs('query_sm') },
  fromClient,
);
export const querySmResp = definePdu(
  0x80000003,
  'query_sm_resp',
  {
    ...messageId,
    finalDate: cstring(17),
    messageState: uint8,
    errorCode: uint8,
    tlvs: tolerantTlvs('query_sm_resp'),
  },
  answerOfServer,
);
export const cancelSm = definePdu(
  0x08,
  'cancel_sm',
  { serviceType: cstring(6), ...messageId, ...source, ...destination, tlvs: tolerantTlvs('cancel_sm') },
  fromClient,
);
export const cancelSmResp = definePdu(0x80000008, 'cancel_sm_resp', empty('cancel_sm_resp'), answerOfServer);
export const replaceSm = definePdu(
  0x07,
  'replace_sm',
  {
    ...messageId,
    ...source,
    ...times,
    registeredDelivery: uint8,
    smDefaultMsgId: uint8,
    shortMessage: counted(254),
    tlvs: strictTlvs('replace_sm'),
  },
  fromClient,
);
export const replaceSmResp = definePdu(0x80000007, 'replace_sm_resp', empty('replace_sm_resp'), answerOfServer);

export const alertNotification = definePdu(
  0x102,
  'alert_notification',
  {
    ...longSource,
    esmeAddrTon: uint8,
    esmeAddrNpi: uint8,
    esmeAddr: cstring(65),
    tlvs: tolerantTlvs('alert_notification'),
  },
  fromServer,
);

/** Cell broadcast, 5.0 only (5.0: 4.4). */
export const broadcastSm = definePdu(
  0x111,
  'broadcast_sm',
  {
    serviceType: cstring(6),
    ...source,
    ...messageId,
    priorityFlag: uint8,
    ...times,
    replaceIfPresentFlag: uint8,
    dataCoding: uint8,
    smDefaultMsgId: uint8,
    tlvs: strictTlvs('broadcast_sm'),
  },
  fromClient,
);
export const broadcastSmResp = definePdu(0x80000111, 'broadcast_sm_resp', answer('broadcast_sm_resp'), answerOfServer);
export const queryBroadcastSm = definePdu(
  0x112,
  'query_broadcast_sm',
  { ...messageId, ...source, tlvs: tolerantTlvs('query_broadcast_sm') },
  fromClient,
);
export const queryBroadcastSmResp = definePdu(
  0x80000112,
  'query_broadcast_sm_resp',
  answer('query_broadcast_sm_resp'),
  answerOfServer,
);
export const cancelBroadcastSm = definePdu(
  0x113,
  'cancel_broadcast_sm',
  { serviceType: cstring(6), ...messageId, ...source, tlvs: tolerantTlvs('cancel_broadcast_sm') },
  fromClient,
);
export const cancelBroadcastSmResp = definePdu(
  0x80000113,
  'cancel_broadcast_sm_resp',
  empty('cancel_broadcast_sm_resp'),
  answerOfServer,
);

const tables = {
  bindReceiver,
  bindReceiverResp,
  bindTransmitter,
  bindTransmitterResp,
  bindTransceiver,
  bindTransceiverResp,
  outbind,
  unbind,
  unbindResp,
  enquireLink,
  enquireLinkResp,
  genericNack,
  submitSm,
  submitSmResp,
  deliverSm,
  deliverSmResp,
  dataSm,
  dataSmResp,
  submitMulti,
  submitMultiResp,
  querySm,
  querySmResp,
  cancelSm,
  cancelSmResp,
  replaceSm,
  replaceSmResp,
  alertNotification,
  broadcastSm,
  broadcastSmResp,
  queryBroadcastSm,
  queryBroadcastSmResp,
  cancelBroadcastSm,
  cancelBroadcastSmResp,
} as const;

/** The compiled codecs of one version, by name and by command id. */
export interface SmppCodec extends Plans<typeof tables> {
  readonly version: number;
  /** Plans by command_id, as a server reads them. */
  readonly byId: ReadonlyMap<number, Plan>;
  /** As `byId`, for what an SMSC sends us: data_sm with a cut optional parameter is taken as far as it goes. */
  readonly fromServer: ReadonlyMap<number, Plan>;
}

const codecs = new Map<number, SmppCodec>();

/**
 * The codec for an interface_version, made once per version. Odd versions (seen: 0x00, 0x30, 0x40, 0x7b) fall to the
 * version that they can take: below 0x34 is 3.3, and only 0x50 to 0x5f is 5.0.
 */
export function smppCodec(interfaceVersion: number): SmppCodec {
  const version =
    interfaceVersion < SMPP_34 ? SMPP_33 : interfaceVersion >= SMPP_50 && interfaceVersion < 0x60 ? SMPP_50 : SMPP_34;
  let codec = codecs.get(version);
  if (codec === undefined) {
    codec = makeCodec(version);
    codecs.set(version, codec);
  }
  return codec;
}

function makeCodec(version: number): SmppCodec {
  const byId = new Map<number, Plan>();
  const named: Record<string, Plan> = {};
  for (const [key, table] of Object.entries(tables)) {
    const made = plan<Fields>(table as unknown as PduTable, version);
    named[key] = made;
    if (version >= SMPP_50 || !table.name.includes('broadcast')) byId.set(table.id, made);
  }
  const fromServer = new Map(byId);
  fromServer.set(dataSmFromServer.id, plan<Fields>(dataSmFromServer as unknown as PduTable, version));
  return { ...(named as unknown as Plans<typeof tables>), version, byId, fromServer };
}
