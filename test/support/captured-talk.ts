import { encodeFrame as encodeCmpp } from '../../protocols/cmpp/header.ts';
import { writeReport as writeCmppReport } from '../../protocols/cmpp/report.ts';
import { cmppCodec } from '../../protocols/cmpp/tables.ts';
import { encodeFrame as encodeSgip } from '../../protocols/sgip/header.ts';
import { sequenceOf as sgipSequence } from '../../protocols/sgip/sequence.ts';
import { sgipCodec } from '../../protocols/sgip/tables.ts';
import { writeReport as writeSmgpReport } from '../../protocols/smgp/report.ts';
import { smgpCodec } from '../../protocols/smgp/tables.ts';
import { encodeFrame as encodeSmpp } from '../../protocols/smpp/header.ts';
import { stateOf, stateWord, writeReceipt } from '../../protocols/smpp/receipt.ts';
import { smppCodec } from '../../protocols/smpp/tables.ts';
import { type Coding, encode } from '../../protocols/text/charset.ts';
import { msgFmtOf } from '../../protocols/text/msg-fmt.ts';
import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';
import { toldOf } from '../../simulators/outcome.ts';
import type { Sender } from '../../src/capture/conversation.ts';
import { createPcapWriter, type WrittenConnection } from '../../src/capture/pcap-writer.ts';

/** What was said between a platform and a carrier, as a test wants it: written as a capture, at exactly these times. */
export interface Talk {
  readonly name: string;
  readonly secret: string;
  readonly messages: readonly TalkMessage[];
  /** When the carrier asks for a sign of life, ms. */
  readonly probes?: readonly number[];
  /** Connections that the platform submits on in turn. */
  readonly connections?: number;
}

/** Times in ms. */
export interface TalkMessage {
  readonly at: number;
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
  readonly coding: Coding;
  /** In front of the text. */
  readonly udh?: Uint8Array;
  readonly answer?: { readonly after: number; readonly code: number };
  readonly reports: readonly TalkReport[];
}

export interface TalkReport {
  /** Since the answer; below 0: before it. */
  readonly after: number;
  /** Which destination. */
  readonly of?: number;
  /** As a scenario names it. */
  readonly word: string;
  readonly taken?: { readonly after: number; readonly good: boolean };
  /** On the connection behind that of the submit. */
  readonly elsewhere?: boolean;
}

export type TalkProtocol = 'smpp' | 'cmpp' | 'sgip' | 'smgp';

interface Tongue {
  readonly port: number;
  login(talk: Talk): Buffer;
  probe(sequence: number): Buffer;
  submit(sequence: number, m: TalkMessage): Buffer;
  answer(sequence: number, code: number): Buffer;
  /** `k`: of the destination; `submitSequence`: of the submit. */
  report(sequence: number, submitSequence: number, k: number, to: string, word: string): Buffer;
  taken(sequence: number, good: boolean): Buffer;
}

const BEGAN = 1_700_000_000_000;

/** The capture, as a pcap file. */
export function captureOf(
  protocol: TalkProtocol,
  talk: Talk,
  options: { readonly hexReceipts?: boolean } = {},
): Buffer {
  const tongue = TONGUES[protocol](options.hexReceipts === true);
  const packets: { at: number; connection: WrittenConnection; sender: Sender; octets: Buffer }[] = [];
  const say = (at: number, connection: WrittenConnection, sender: Sender, octets: Buffer) =>
    packets.push({ at, connection, sender, octets });
  const lines = Array.from({ length: talk.connections ?? 1 }, (_, k) => ({
    client: { address: '10.1.2.3', port: 40_000 + k },
    server: { address: '10.9.8.7', port: tongue.port },
  }));
  // SGIP: the carrier dials the platform with reports.
  const back =
    protocol === 'sgip'
      ? [{ client: { address: '10.9.8.7', port: 50_000 }, server: { address: '10.1.2.3', port: 8802 } }]
      : undefined;
  const carrierSide: Sender = back === undefined ? 'server' : 'client';
  const platformSide: Sender = back === undefined ? 'client' : 'server';
  for (const line of [...lines, ...(back ?? [])]) say(0, line, 'client', tongue.login(talk));
  let sequence = 100;
  talk.messages.forEach((m, n) => {
    const line = lines[n % lines.length]!;
    const submitSequence = 1000 + 16 * n;
    say(m.at, line, 'client', tongue.submit(submitSequence, m));
    if (m.answer !== undefined)
      say(m.at + m.answer.after, line, 'server', tongue.answer(submitSequence, m.answer.code));
    const answeredAt = m.at + (m.answer?.after ?? 0);
    for (const r of m.reports) {
      const k = r.of ?? 0;
      const own = ++sequence;
      const list = back ?? lines;
      const on = list[(n + (r.elsewhere === true ? 1 : 0)) % list.length]!;
      say(answeredAt + r.after, on, carrierSide, tongue.report(own, submitSequence, k, m.to[k]!, r.word));
      const { after, good } = r.taken ?? { after: 0.5, good: true };
      if (after >= 0) say(answeredAt + r.after + after, on, platformSide, tongue.taken(own, good));
    }
  });
  for (const at of talk.probes ?? []) say(at, lines[0]!, 'server', tongue.probe(++sequence));

  const chunks: Buffer[] = [];
  const pcap = createPcapWriter((octets) => chunks.push(Buffer.from(octets)));
  packets.sort((a, b) => a.at - b.at);
  for (const { at, connection, sender, octets } of packets) pcap.octets(connection, sender, BEGAN + at, octets);
  return Buffer.concat(chunks);
}

type Encode<S extends readonly unknown[]> = (plan: Plan, value: Values<Fields>, ...rest: S) => number;

/** A frame of this plan, its other fields at zero. */
function framer<S extends readonly unknown[]>(write: (...all: [...Parameters<Encode<S>>, Buffer, number]) => number) {
  return <F extends Fields>(plan: Plan<F>, part: Partial<Values<F>>, ...rest: S): Buffer => {
    const out = Buffer.alloc(4096);
    const given = [plan as unknown as Plan, plan.fill(part) as Values<Fields>, ...rest, out, 0] as const;
    return out.subarray(0, write(...(given as unknown as Parameters<typeof write>)));
  };
}

const content = ({ text, coding, udh }: TalkMessage): Buffer =>
  Buffer.concat([udh ?? Buffer.alloc(0), encode(text, coding)!]);
const raw = (octets: number, n: number): string => {
  const b = Buffer.alloc(octets);
  b.writeUInt32BE(n, octets - 4);
  return b.toString('latin1');
};
/** Ten octets whose last three are six digits. */
const bcd = (n: number): string => Buffer.from(`01020304050607${String(n).padStart(6, '0')}`, 'hex').toString('latin1');
const stat = (word: string): string => {
  const state = stateOf(word.slice(0, 7)) ?? STATES.indexOf(word);
  return state < 0 ? word : stateWord(state);
};
const STATES = ['', 'ENROUTE', 'DELIVERED', 'EXPIRED', 'DELETED', 'UNDELIVERABLE', 'ACCEPTED', 'UNKNOWN', 'REJECTED'];
const DATE = '2312312359';

const TONGUES: Readonly<Record<TalkProtocol, (hexReceipts: boolean) => Tongue>> = {
  cmpp() {
    const c = cmppCodec(0x20);
    const frame = framer<[number]>(encodeCmpp as never);
    return {
      port: 7890,
      login: ({ name, secret }) =>
        frame(
          c.connect,
          { sourceAddr: name, authenticatorSource: secret.padEnd(16, '\0').slice(0, 16), version: 0x20 },
          1,
        ),
      probe: (sequence) => frame(c.activeTest, {}, sequence),
      submit: (sequence, m) =>
        frame(
          c.submit,
          {
            srcId: m.from,
            destTerminalId: [...m.to],
            registeredDelivery: 1,
            msgFmt: msgFmtOf(m.coding) ?? 0,
            tpUdhi: m.udh === undefined ? 0 : 1,
            msgContent: content(m),
          },
          sequence,
        ),
      answer: (sequence, code) =>
        frame(c.submitResp, { msgId: code === 0 ? raw(8, sequence) : raw(8, 0), result: code }, sequence),
      report: (own, submitSequence, k, to, word) =>
        frame(
          c.deliver,
          {
            registeredDelivery: 1,
            srcTerminalId: to,
            msgContent: writeCmppReport(
              {
                msgId: raw(8, submitSequence + k),
                stat: stat(word),
                submitTime: DATE,
                doneTime: DATE,
                destTerminalId: to,
                smscSequence: 7,
              },
              0x20,
            ),
          },
          own,
        ),
      taken: (sequence, good) => frame(c.deliverResp, { result: good ? 0 : 8 }, sequence),
    };
  },
  sgip() {
    const c = sgipCodec();
    const frame = framer<[string]>(encodeSgip as never);
    const named = (counter: number): string =>
      sgipSequence({ nodeId: 3_010_099_999, timestamp: 1_231_235_959, counter });
    return {
      port: 8801,
      login: ({ name, secret }) => frame(c.bind, { loginType: 1, loginName: name, loginPassword: secret }, named(1)),
      probe: (sequence) => frame(c.userRpt, {}, named(sequence)),
      submit: (sequence, m) =>
        frame(
          c.submit,
          {
            spNumber: m.from,
            userNumber: [...m.to],
            reportFlag: 1,
            messageCoding: msgFmtOf(m.coding) ?? 0,
            tpUdhi: m.udh === undefined ? 0 : 1,
            messageContent: content(m),
          },
          named(sequence),
        ),
      answer: (sequence, code) => frame(c.submitResp, { result: code }, named(sequence)),
      report: (own, submitSequence, _, to, word) =>
        frame(
          c.report,
          {
            submitSequenceNumber: named(submitSequence),
            userNumber: to,
            state: word === 'DELIVERED' ? 0 : word === 'ACCEPTED' ? 1 : 2,
            errorCode: Number(word) || 0,
          },
          named(own),
        ),
      taken: (sequence, good) => frame(c.reportResp, { result: good ? 0 : 88 }, named(sequence)),
    };
  },
  smgp() {
    const c = smgpCodec(0x30);
    const frame = framer<[number]>(encodeCmpp as never);
    return {
      port: 8890,
      login: ({ name, secret }) =>
        frame(
          c.login,
          { clientId: name, authenticatorClient: secret.padEnd(16, '\0').slice(0, 16), clientVersion: 0x30 },
          1,
        ),
      probe: (sequence) => frame(c.activeTest, {}, sequence),
      submit: (sequence, m) =>
        frame(
          c.submit,
          {
            srcTermId: m.from,
            destTermId: [...m.to],
            needReport: 1,
            msgFormat: msgFmtOf(m.coding) ?? 0,
            msgContent: content(m),
            tlvs: m.udh === undefined ? [] : [{ tag: 2, value: Buffer.from([1]) }],
          },
          sequence,
        ),
      answer: (sequence, code) =>
        frame(c.submitResp, { msgId: code === 0 ? bcd(sequence) : bcd(0), status: code }, sequence),
      report: (own, submitSequence, k, to, word) =>
        frame(
          c.deliver,
          {
            isReport: 1,
            srcTermId: to,
            msgContent: writeSmgpReport({
              id: bcd(submitSequence + k),
              sub: '001',
              dlvrd: '001',
              submitDate: DATE,
              doneDate: DATE,
              stat: stat(word),
              err: toldOf('smgp', word).err,
              text: Buffer.alloc(0),
            }),
          },
          own,
        ),
      taken: (sequence, good) => frame(c.deliverResp, { status: good ? 0 : 1 }, sequence),
    };
  },
  smpp(hexReceipts) {
    const c = smppCodec(0x34);
    const frame = framer<[number, number]>(encodeSmpp as never);
    const dataCoding = (coding: Coding): number => ({ gsm7: 0, ascii: 1, latin1: 3, ucs2: 8 })[coding as 'gsm7'] ?? 4;
    return {
      port: 2775,
      login: ({ name, secret }) =>
        frame(c.bindTransceiver, { systemId: name, password: secret, interfaceVersion: 0x34 }, 0, 1),
      probe: (sequence) => frame(c.enquireLink, {}, 0, sequence),
      submit: (sequence, m) =>
        frame(
          c.submitSm,
          {
            sourceAddr: m.from,
            destinationAddr: m.to[0]!,
            registeredDelivery: 1,
            esmClass: m.udh === undefined ? 0 : 0x40,
            dataCoding: dataCoding(m.coding),
            shortMessage: content(m),
          },
          0,
          sequence,
        ),
      answer: (sequence, code) =>
        frame(c.submitSmResp, { messageId: code === 0 ? String(90_000 + sequence) : '' }, code, sequence),
      report: (own, submitSequence, _, to, word) => {
        const id = 90_000 + submitSequence;
        const text = writeReceipt({
          id: hexReceipts ? id.toString(16) : String(id),
          sub: 1,
          dlvrd: 1,
          submitDate: BEGAN,
          doneDate: BEGAN,
          stat: stat(word),
          err: toldOf('smpp', word).err,
          text: '',
        });
        return frame(c.deliverSm, { sourceAddr: to, esmClass: 4, shortMessage: Buffer.from(text, 'latin1') }, 0, own);
      },
      taken: (sequence, good) => frame(c.deliverSmResp, {}, good ? 0 : 0x64, sequence),
    };
  },
};
