import { connect } from 'node:net';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { encodeFrame, FRAME, frameSize, HEADER, RESPONSE } from '../protocols/smpp/header.ts';
import { messageOctets, UDHI } from '../protocols/smpp/payload.ts';
import { isReceiptType, parseReceipt, receiptText, STATE, stateName } from '../protocols/smpp/receipt.ts';
import { ESME, statusName } from '../protocols/smpp/status.ts';
import type { deliverSm } from '../protocols/smpp/tables.ts';
import { SMPP_34, smppCodec } from '../protocols/smpp/tables.ts';
import { TAG } from '../protocols/smpp/tlv-tags.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import type { Fields, Pdu, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import { NO_TLVS, tlvText, tlvUint } from '../protocols/wire/tlv.ts';
import { createFingerprints, fingerprint } from './fingerprints.ts';
import { createPeer, type Peer } from './peer.ts';
import { createSubmits } from './submits.ts';
import { latency, type Verdict } from './verdict.ts';

export interface LoadOptions {
  readonly host?: string;
  readonly port: number;
  readonly systemId: string;
  readonly password: string;
  /** Messages to submit; one that is longer than a part takes several submits. */
  readonly count: number;
  /** Sent in turn. GSM 03.38 where it holds the text, else UCS-2. */
  readonly texts: readonly string[];
  /** Connections, each a transceiver. Default 1. */
  readonly binds?: number;
  /** Most unanswered submits of a bind. Default 100. */
  readonly window?: number;
  /** Submits a second, whatever the answers do; latency then counts from when a submit was due. 0 (default): as the windows allow. */
  readonly rate?: number;
  readonly source?: string;
  /** Each message goes to a number of its own, counted up from this one. Default 8613800000000. */
  readonly firstNumber?: number;
  /** Ask for receipts and wait for them. Default true. */
  readonly receipts?: boolean;
  /** A long text goes in parts with a header (default), or whole in message_payload. */
  readonly long?: 'udh' | 'payload';
  /** Submit again what was cut off without an answer. Default false: it stays unknown. */
  readonly resubmit?: boolean;
  /** Submit again, a little later, what was refused as too fast (RTHROTTLED, RMSGQFUL). Default false. */
  readonly retryThrottled?: boolean;
  /** A submit without an answer for so many milliseconds is unknown. Default 60,000. */
  readonly responseTimeout?: number;
  /** When nothing more has come for so many milliseconds, the missing receipts are lost. Default 10,000. */
  readonly receiptTimeout?: number;
  /** Gives up when no bind could be had for so many milliseconds. Default 60,000. */
  readonly reconnectFor?: number;
  /** A message from a handset came; `octets` with its header, valid during the call. */
  readonly onMo?: (mo: Readonly<Pdu<typeof deliverSm>>, octets: Uint8Array) => void;
}

interface Progress {
  readonly parts: number;
  readonly submitted: number;
  readonly settled: number;
  readonly acked: number;
  readonly receipted: number;
  readonly bound: number;
}

export interface Load {
  start(): void;
  readonly progress: Progress;
  /** Rejects when there never was a bind: wrong password, nobody there. */
  readonly done: Promise<Verdict>;
  /** Submits no more and waits for what is due; the second time for nothing. */
  stop(): void;
}

const IN_FLIGHT = 1;
const ACKED = 2;
const REFUSED = 3;
const UNKNOWN = 4;

const SUBMIT_SM_RESP = 0x80000004;
const DELIVER_SM = 0x05;

/** How often the load looks for what did not come. */
const LOOK_MS = 100;
const ENQUIRE_MS = 20_000;
const THROTTLE_MS = 100;

interface Bind {
  peer: Peer | undefined;
  bound: boolean;
  everBound: boolean;
  sequence: number;
  inFlight: number;
  /** By sequence & mask: the part, or -1. */
  readonly parts: Int32Array;
  readonly sequences: Uint32Array;
  readonly sentAt: Float64Array;
  /** Parts given up by the sequence that may still be answered. */
  readonly late: Map<number, number>;
  holdUntil: number;
  backoff: number;
  lastSent: number;
}

/** A receipt that came before the answer that tells its id. */
interface Early {
  readonly at: number;
  readonly state: number;
  readonly number: string;
  times: number;
}

/** A platform that submits, and books every answer and every receipt. */
export function createLoad(options: LoadOptions): Load {
  const {
    host = '127.0.0.1',
    port,
    count,
    texts,
    binds: bindCount = 1,
    window = 100,
    rate = 0,
    source = '10690000',
    firstNumber = 8613800000000,
    receipts: wantsReceipts = true,
    long = 'udh',
    resubmit = false,
    retryThrottled = false,
    responseTimeout = 60_000,
    receiptTimeout = 10_000,
    reconnectFor = 60_000,
  } = options;
  if (texts.length === 0) throw new RangeError('platform: no texts; give at least one');
  if (!(Number.isInteger(count) && count > 0))
    throw new RangeError(`platform: count is ${count}; give how many messages to submit`);
  if (!(window > 0 && bindCount > 0)) throw new RangeError('platform: window and binds must be at least 1');

  const codec = smppCodec(SMPP_34);
  const now = (): number => performance.now();

  const plan = createSubmits(texts, count, long);
  const { total, messageOf, partOf } = plan;

  // -- The books ---------------------------------------------------------------------------------------------------
  const state = new Uint8Array(total);
  const received = new Uint8Array(total);
  /** Was without an answer at some time: a receipt with an unknown id may be its own. */
  const doubtful = new Uint8Array(total);
  /** When it was submitted, or by `rate` should have been. */
  const from = new Float64Array(total);
  const ids = createFingerprints(total);
  const early = new Map<number, Early>();
  const again: number[] = [];
  const n = {
    next: 0,
    submits: 0,
    acked: 0,
    refused: 0,
    unknown: 0,
    missed: 0,
    resubmitted: 0,
    receipted: 0,
    duplicated: 0,
    misaddressed: 0,
    intermediate: 0,
    unreadable: 0,
    late: 0,
    mos: 0,
    reconnects: 0,
  };
  const refusals = new Map<string, number>();
  const states = new Map<number, number>();
  const toAck = createHistogram();
  const toReceipt = createHistogram();
  let startedAt = 0;
  let lastAckAt = 0;
  let lastReceiptAt = 0;
  let lastEventAt = 0;
  let lastBoundAt = 0;
  let stopped = false;
  let finished = false;
  let look: NodeJS.Timeout | undefined;
  let pace: NodeJS.Timeout | undefined;
  let lastFault = '';
  let resolve: (v: Verdict) => void = () => undefined;
  let reject: (e: Error) => void = () => undefined;
  const done = new Promise<Verdict>((yes, no) => {
    resolve = yes;
    reject = no;
  });

  // -- Submitting --------------------------------------------------------------------------------------------------
  let slots = 16;
  while (slots < window * 2) slots *= 2;
  const binds: Bind[] = Array.from({ length: bindCount }, () => ({
    peer: undefined,
    bound: false,
    everBound: false,
    sequence: 0,
    inFlight: 0,
    parts: new Int32Array(slots).fill(-1),
    sequences: new Uint32Array(slots),
    sentAt: new Float64Array(slots),
    late: new Map(),
    holdUntil: 0,
    backoff: 50,
    lastSent: 0,
  }));
  const submit = codec.submitSm.fill({
    sourceAddr: source,
    destAddrTon: 1,
    destAddrNpi: 1,
    registeredDelivery: wantsReceipts ? 1 : 0,
  });

  function write<F extends Fields>(
    peer: Peer,
    plan: Plan<F>,
    value: Values<F>,
    status: number,
    sequence: number,
  ): void {
    peer.room(frameSize(plan, value, status));
    peer.at = encodeFrame(plan, value, status, sequence, peer.out, peer.at);
  }
  function writeHeaderOnly(peer: Peer, command: number, sequence: number): void {
    peer.room(HEADER);
    peer.out.writeUInt32BE(HEADER, peer.at);
    peer.out.writeUInt32BE(command, peer.at + 4);
    peer.out.writeUInt32BE(0, peer.at + 8);
    peer.out.writeUInt32BE(sequence, peer.at + 12);
    peer.at += HEADER;
  }

  function nextSequence(bind: Bind): number {
    do {
      bind.sequence = bind.sequence === 0x7fffffff ? 1 : bind.sequence + 1;
    } while (bind.parts[bind.sequence & (slots - 1)] !== -1);
    return bind.sequence;
  }

  /** Fills the window of a bind. */
  function pump(bind: Bind, at: number): void {
    const { peer } = bind;
    if (peer === undefined || !bind.bound || peer.closed || !peer.clear || at < bind.holdUntil) return;
    while (bind.inFlight < window) {
      let part: number;
      if (again.length > 0) part = again.pop()!;
      else if (!stopped && n.next < total) {
        if (rate > 0) {
          const dueAt = startedAt + (n.next * 1000) / rate;
          if (dueAt > at) return;
          from[n.next] = dueAt;
        } else {
          from[n.next] = at;
        }
        part = n.next++;
      } else return;
      submitPart(bind, peer, part, at);
    }
  }

  function submitPart(bind: Bind, peer: Peer, part: number, at: number): void {
    const template = plan.template(part);
    const message = messageOf(part);
    submit.destinationAddr = String(firstNumber + message);
    submit.dataCoding = template.dataCoding;
    submit.esmClass = template.esmClass;
    submit.shortMessage = template.octets;
    submit.tlvs = template.tlvs;
    if (template.esmClass === UDHI) template.octets[3] = message;
    const sequence = nextSequence(bind);
    const slot = sequence & (slots - 1);
    bind.parts[slot] = part;
    bind.sequences[slot] = sequence;
    bind.sentAt[slot] = at;
    bind.inFlight++;
    bind.lastSent = at;
    state[part] = IN_FLIGHT;
    n.submits++;
    write(peer, codec.submitSm, submit, 0, sequence);
  }

  // -- Answers -----------------------------------------------------------------------------------------------------
  function onAnswer(bind: Bind, b: Buffer, start: number, end: number, sequence: number, at: number): void {
    const status = b.readUInt32BE(start + 8);
    const slot = sequence & (slots - 1);
    let part = bind.parts[slot]!;
    if (part === -1 || bind.sequences[slot] !== sequence) {
      const late = bind.late.get(sequence);
      if (late === undefined) return;
      bind.late.delete(sequence);
      n.late++;
      if (state[late] !== UNKNOWN) return;
      part = late;
      n.unknown--;
    } else {
      bind.parts[slot] = -1;
      bind.inFlight--;
    }
    lastEventAt = at;
    if (status !== ESME.ROK) {
      const name = statusName(status);
      refusals.set(name, (refusals.get(name) ?? 0) + 1);
      if (retryThrottled && (status === ESME.RTHROTTLED || status === ESME.RMSGQFUL)) {
        bind.holdUntil = at + THROTTLE_MS;
        n.resubmitted++;
        again.push(part);
        return;
      }
      state[part] = REFUSED;
      n.refused++;
      return;
    }
    state[part] = ACKED;
    n.acked++;
    lastAckAt = at;
    record(toAck, at - from[part]!);
    const id = codec.submitSmResp.decode(b, start + HEADER, end).messageId;
    const print = fingerprint(id);
    ids.set(print, part);
    if (early.size === 0) return;
    const before = early.get(print);
    if (before === undefined) return;
    early.delete(print);
    for (let k = 0; k < before.times; k++) receipt(part, before.state, before.number, before.at);
  }

  function receipt(part: number, stateNumber: number, number: string, at: number): void {
    // The last eleven digits: a gateway may add or take away the country's.
    if (!number.endsWith(String(firstNumber + messageOf(part)).slice(-11))) n.misaddressed++;
    if (stateNumber === STATE.enroute || stateNumber === STATE.accepted) {
      n.intermediate++;
      return;
    }
    if (received[part]! < 255) received[part]!++;
    if (received[part]! > 1) {
      n.duplicated++;
      return;
    }
    n.receipted++;
    lastReceiptAt = at;
    states.set(stateNumber, (states.get(stateNumber) ?? 0) + 1);
    record(toReceipt, at - from[part]!);
  }

  function onDeliver(peer: Peer, b: Buffer, start: number, end: number, sequence: number, at: number) {
    const pdu = codec.deliverSm.decode(b, start + HEADER, end);
    write(peer, codec.deliverSmResp, deliverAnswer, 0, sequence);
    lastEventAt = at;
    if (!isReceiptType(pdu.esmClass)) {
      n.mos++;
      options.onMo?.(pdu, messageOctets(pdu));
      return;
    }
    let id = tlvText(pdu.tlvs, TAG.receiptedMessageId);
    let stateNumber = tlvUint(pdu.tlvs, TAG.messageState);
    if (id === undefined || stateNumber === undefined) {
      const text = receiptText(messageOctets(pdu), pdu.dataCoding);
      const read = parseReceipt(pdu.esmClass, text, pdu.tlvs);
      id = read?.id;
      stateNumber = read?.state ?? STATE.unknown;
    }
    if (id === undefined) {
      n.unreadable++;
      return;
    }
    const print = fingerprint(id);
    const part = ids.get(print);
    if (part >= 0) return receipt(part, stateNumber, pdu.sourceAddr, at);
    const before = early.get(print);
    if (before !== undefined) before.times++;
    else early.set(print, { at, state: stateNumber, number: pdu.sourceAddr, times: 1 });
  }
  const deliverAnswer = { messageId: '', tlvs: NO_TLVS };

  // -- Binds -------------------------------------------------------------------------------------------------------
  function dial(bind: Bind): void {
    const socket = connect({ host, port });
    const peer = createPeer(socket, FRAME, {
      onFrame(b, start, end) {
        try {
          onFrame(bind, peer, b, start, end);
        } catch (e) {
          if (!(e instanceof WireFault)) throw e;
          n.unreadable++;
        }
      },
      onFault(fault) {
        lastFault = fault.message;
      },
      onClose: () => closed(bind),
    });
    bind.peer = peer;
    socket.on('error', (e) => {
      lastFault = e.message;
    });
    socket.once('connect', () => {
      const bindPdu = codec.bindTransceiver.fill({
        systemId: options.systemId,
        password: options.password,
        interfaceVersion: SMPP_34,
      });
      write(peer, codec.bindTransceiver, bindPdu, 0, nextSequence(bind));
    });
  }

  function onFrame(bind: Bind, peer: Peer, b: Buffer, start: number, end: number) {
    const command = b.readUInt32BE(start + 4);
    const sequence = b.readUInt32BE(start + 12);
    const at = now();
    switch (command) {
      case SUBMIT_SM_RESP:
        onAnswer(bind, b, start, end, sequence, at);
        return pump(bind, at);
      case DELIVER_SM:
        return onDeliver(peer, b, start, end, sequence, at);
      case 0x80000009:
        return onBound(bind, peer, b.readUInt32BE(start + 8), at);
      case 0x15:
        return writeHeaderOnly(peer, 0x80000015, sequence);
      case 0x06:
        writeHeaderOnly(peer, 0x80000006, sequence);
        return peer.end();
      default:
        if (command < RESPONSE) writeHeaderOnly(peer, 0x80000000, sequence);
    }
  }

  function onBound(bind: Bind, peer: Peer, status: number, at: number) {
    if (status !== ESME.ROK) {
      lastFault = `bind_transceiver as ${JSON.stringify(options.systemId)} was refused with ${statusName(status)}`;
      if (n.submits === 0 && (status === ESME.RINVPASWD || status === ESME.RINVSYSID)) fail();
      return peer.end();
    }
    if (bind.everBound) n.reconnects++;
    bind.everBound = true;
    bind.bound = true;
    bind.backoff = 50;
    lastBoundAt = at;
    lastEventAt = at;
    if (startedAt === 0) startedAt = at;
    pump(bind, at);
  }

  function closed(bind: Bind): void {
    bind.bound = false;
    bind.peer = undefined;
    bind.late.clear();
    lastBoundAt = now();
    for (let slot = 0; slot < slots; slot++) {
      const part = bind.parts[slot]!;
      if (part === -1) continue;
      bind.parts[slot] = -1;
      giveUp(part);
    }
    bind.inFlight = 0;
    if (finished) return;
    setTimeout(() => {
      if (!finished) dial(bind);
    }, bind.backoff);
    bind.backoff = Math.min(bind.backoff * 2, 1000);
  }

  /** A part without an answer. */
  function giveUp(part: number): void {
    doubtful[part] = 1;
    n.missed++;
    if (resubmit && !finished) {
      n.resubmitted++;
      again.push(part);
      return;
    }
    state[part] = UNKNOWN;
    n.unknown++;
  }

  // -- The end -----------------------------------------------------------------------------------------------------
  function onLook() {
    const at = now();
    let bound = 0;
    for (const bind of binds) {
      if (!bind.bound || bind.peer === undefined) continue;
      bound++;
      if (bind.inFlight > 0) {
        for (let slot = 0; slot < slots; slot++) {
          const part = bind.parts[slot]!;
          if (part === -1 || at - bind.sentAt[slot]! < responseTimeout) continue;
          bind.late.set(bind.sequences[slot]!, part);
          bind.parts[slot] = -1;
          bind.inFlight--;
          lastEventAt = at;
          giveUp(part);
        }
      }
      if (at - bind.lastSent > ENQUIRE_MS) {
        bind.lastSent = at;
        writeHeaderOnly(bind.peer, 0x15, nextSequence(bind));
      }
      pump(bind, at);
    }
    if (bound > 0) lastBoundAt = at;
    else if (at - lastBoundAt > reconnectFor) return n.submits === 0 ? fail() : finish();
    const settled = n.acked + n.refused + n.unknown;
    const open = stopped ? binds.some((x) => x.inFlight > 0) || again.length > 0 : settled < total;
    if (open) return;
    // Where an answer was missed, a late one or a receipt that shows what became of it may still come.
    const expected = wantsReceipts ? n.acked - n.receipted : 0;
    if ((expected <= 0 && n.missed === 0) || at - lastEventAt > receiptTimeout) finish();
  }

  function close(): void {
    finished = true;
    clearInterval(look);
    clearInterval(pace);
    for (const bind of binds) {
      if (bind.peer === undefined) continue;
      if (bind.bound) writeHeaderOnly(bind.peer, 0x06, nextSequence(bind));
      bind.peer.end();
    }
  }

  function fail(): void {
    if (finished) return;
    close();
    reject(
      new Error(
        `platform: no bind at ${host}:${port} (${lastFault || 'no answer'}); check address, system_id and password`,
      ),
    );
  }

  function finish(): void {
    if (finished) return;
    for (const bind of binds) {
      for (const part of bind.parts) {
        if (part === -1) continue;
        doubtful[part] = 1;
        n.unknown++;
      }
    }
    close();
    resolve(verdict());
  }

  function verdict(): Verdict {
    let receiptsOfUnknown = 0;
    let foreign = 0;
    for (const { number, times } of early.values()) {
      if (isDoubtful(number)) receiptsOfUnknown += times;
      else foreign += times;
    }
    const unsent = total - n.acked - n.refused - n.unknown;
    const lost = wantsReceipts ? n.acked - n.receipted : 0;
    const ackSeconds = Math.max(0, lastAckAt - startedAt) / 1000;
    const seconds = Math.max(0, Math.max(lastAckAt, lastReceiptAt) - startedAt) / 1000;
    const perSecond = (k: number, s: number): number => (s > 0 ? Math.round(k / s) : 0);
    return {
      messages: count,
      parts: total,
      submits: n.submits,
      acked: n.acked,
      refused: n.refused,
      unknown: n.unknown,
      unsent,
      resubmitted: n.resubmitted,
      refusals: Object.fromEntries(refusals),
      receipted: n.receipted,
      lost,
      duplicated: n.duplicated,
      receiptsOfUnknown,
      foreign,
      misaddressed: n.misaddressed,
      intermediate: n.intermediate,
      unreadable: n.unreadable,
      late: n.late,
      states: Object.fromEntries([...states].map(([s, k]) => [stateName(s), k])),
      mos: n.mos,
      reconnects: n.reconnects,
      toAck: latency(toAck),
      toReceipt: latency(toReceipt),
      ackSeconds,
      seconds,
      acksPerSecond: perSecond(n.acked, ackSeconds),
      receiptsPerSecond: perSecond(n.receipted, seconds),
      clean:
        n.acked === total && lost + n.duplicated + receiptsOfUnknown + foreign + n.misaddressed + n.unreadable === 0,
    };
  }

  /** Whether a receipt from this number can be of a part whose answer was lost. */
  function isDoubtful(number: string): boolean {
    const modulus = 1e11;
    const message = (Number(number.slice(-11)) - (firstNumber % modulus) + modulus) % modulus;
    if (!(message < count)) return false;
    for (let part = partOf(message); part < total && messageOf(part) === message; part++) {
      if (doubtful[part] === 1) return true;
    }
    return false;
  }

  return {
    done,
    start() {
      lastBoundAt = now();
      lastEventAt = lastBoundAt;
      for (const bind of binds) dial(bind);
      look = setInterval(onLook, LOOK_MS);
      if (rate > 0) {
        pace = setInterval(() => {
          const at = now();
          for (const bind of binds) pump(bind, at);
        }, 1);
      }
    },
    get progress() {
      return {
        parts: total,
        submitted: n.next,
        settled: n.acked + n.refused + n.unknown,
        acked: n.acked,
        receipted: n.receipted,
        bound: binds.filter((x) => x.bound).length,
      };
    },
    stop() {
      if (stopped) return finish();
      stopped = true;
      again.length = 0;
    },
  };
}

/** Microseconds, at least one: the histogram takes nothing less. */
function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1000)));
}
