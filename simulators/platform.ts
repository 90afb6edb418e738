import { connect } from 'node:net';
import { encodeFrame, FRAME, frameSize, HEADER, RESPONSE, writeHeader } from '../protocols/smpp/header.ts';
import { messageOctets, UDHI } from '../protocols/smpp/payload.ts';
import { isReceiptType, parseReceipt, receiptText, STATE } from '../protocols/smpp/receipt.ts';
import { ESME, statusName } from '../protocols/smpp/status.ts';
import type { deliverSm } from '../protocols/smpp/tables.ts';
import { SMPP_34, smppCodec } from '../protocols/smpp/tables.ts';
import { TAG } from '../protocols/smpp/tlv-tags.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import type { Fields, Pdu, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import { NO_TLVS, tlvText, tlvUint } from '../protocols/wire/tlv.ts';
import { createPeer, type Peer } from './peer.ts';
import { createPlatformBooks } from './platform-books.ts';
import { createSubmits } from './submits.ts';
import type { Verdict } from './verdict.ts';

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
  const { total, messageOf } = plan;
  const books = createPlatformBooks(plan, count, firstNumber, wantsReceipts);
  const { counts } = books;
  /** Parts to be submitted again, before new ones. */
  const again: number[] = [];
  let next = 0;
  let startedAt = 0;

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
    peer.at = writeHeader(peer.out, peer.at, HEADER, command, 0, sequence);
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
      else if (!stopped && next < total) {
        const dueAt = rate > 0 ? startedAt + (next * 1000) / rate : at;
        if (dueAt > at) return;
        books.due(next, dueAt);
        part = next++;
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
    counts.submits++;
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
      if (!books.known(late)) return;
      part = late;
    } else {
      bind.parts[slot] = -1;
      bind.inFlight--;
    }
    lastEventAt = at;
    if (status !== ESME.ROK) {
      books.refusal(statusName(status));
      if (retryThrottled && (status === ESME.RTHROTTLED || status === ESME.RMSGQFUL)) {
        bind.holdUntil = at + THROTTLE_MS;
        counts.resubmitted++;
        again.push(part);
        return;
      }
      books.refused(part);
      return;
    }
    books.acked(part, codec.submitSmResp.decode(b, start + HEADER, end).messageId, at);
  }

  function onDeliver(peer: Peer, b: Buffer, start: number, end: number, sequence: number, at: number) {
    const pdu = codec.deliverSm.decode(b, start + HEADER, end);
    write(peer, codec.deliverSmResp, deliverAnswer, 0, sequence);
    lastEventAt = at;
    if (!isReceiptType(pdu.esmClass)) {
      counts.mos++;
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
      counts.unreadable++;
      return;
    }
    books.receipt(id, stateNumber, pdu.sourceAddr, at);
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
          counts.unreadable++;
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
      if (counts.submits === 0 && (status === ESME.RINVPASWD || status === ESME.RINVSYSID)) fail();
      return peer.end();
    }
    if (bind.everBound) counts.reconnects++;
    bind.everBound = true;
    bind.bound = true;
    bind.backoff = 50;
    lastBoundAt = at;
    lastEventAt = at;
    if (startedAt === 0) startedAt = at;
    books.begin(at);
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
    books.missed(part);
    if (resubmit && !finished) {
      counts.resubmitted++;
      again.push(part);
      return;
    }
    books.unknown(part);
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
    else if (at - lastBoundAt > reconnectFor) return counts.submits === 0 ? fail() : finish();
    const open = stopped ? binds.some((x) => x.inFlight > 0) || again.length > 0 : books.settled < total;
    if (open) return;
    // Where an answer was missed, a late one or a receipt that shows what became of it may still come.
    const expected = wantsReceipts ? counts.acked - counts.receipted : 0;
    if ((expected <= 0 && counts.missed === 0) || at - lastEventAt > receiptTimeout) finish();
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
        books.missed(part);
        books.unknown(part);
      }
    }
    for (const part of again) if (books.wasMissed(part)) books.unknown(part);
    close();
    resolve(books.verdict());
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
        submitted: next,
        settled: books.settled,
        acked: counts.acked,
        receipted: counts.receipted,
        bound: binds.filter((x) => x.bound).length,
      };
    },
    stop() {
      if (stopped) return finish();
      stopped = true;
    },
  };
}
