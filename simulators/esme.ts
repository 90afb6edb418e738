import { connect } from 'node:net';
import { encodeFrame, FRAME, frameSize, HEADER, RESPONSE } from '../protocols/smpp/header.ts';
import { messageOctets, UDHI } from '../protocols/smpp/payload.ts';
import { isReceiptType, parseReceipt, receiptText, STATE, stateWord } from '../protocols/smpp/receipt.ts';
import { ESME, statusName } from '../protocols/smpp/status.ts';
import { SMPP_34, smppCodec } from '../protocols/smpp/tables.ts';
import { WireFault } from '../protocols/wire/fault.ts';
import type { Fields, Values } from '../protocols/wire/pdu.ts';
import type { Plan } from '../protocols/wire/plan.ts';
import { NO_TLVS } from '../protocols/wire/tlv.ts';
import { createPeer } from './peer.ts';
import { DATA_CODING } from './smpp-coding.ts';
import { createSubmits } from './submits.ts';

export interface EsmeOptions {
  readonly host: string;
  readonly port: number;
  readonly systemId: string;
  readonly password: string;
  /** Longest wait for the connection, the bind, and each answer; ms. */
  readonly timeout: number;
}

/** A final or intermediate receipt. */
export interface Receipt {
  readonly id: string;
  /** DELIVRD, UNDELIV, … */
  readonly stat: string;
  readonly err: string;
  readonly final: boolean;
}

/** One transceiver for a person at a terminal: a message at a time, every step a promise. */
export interface Esme {
  /** Submits a text, in as many parts as it takes; the ids of its parts. Rejects with the refusal. */
  submit(message: { source: string; destination: string; text: string; receipt: boolean }): Promise<string[]>;
  /** The final receipt of a message, also one that has come already. Rejects when there is none within `within` ms. */
  receipt(id: string, within: number): Promise<Receipt>;
  unbind(): Promise<void>;
}

const NONE = { tlvs: NO_TLVS };

/** Connects and binds. Rejects with what stands in the way, in words for the user. */
export async function bindEsme(options: EsmeOptions): Promise<Esme> {
  const { host, port, systemId, password, timeout } = options;
  const codec = smppCodec(SMPP_34);
  const answers = new Map<number, (frame: Buffer) => void>();
  const receipts = new Map<string, Receipt>();
  const waiting = new Map<string, (receipt: Receipt) => void>();
  let sequence = 0;
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Looked at only through `within`; alone it must not count as unhandled.
  failed.catch(() => undefined);

  const within = <T>(promise: Promise<T>, ms: number, what: string): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no ${what} from ${host}:${port} within ${ms / 1000} s`)), ms);
    });
    return Promise.race([promise, late, failed]).finally(() => clearTimeout(timer));
  };

  const socket = connect({ host, port });
  const connected = new Promise<void>((resolve) => {
    socket.once('connect', resolve);
  });
  socket.once('error', (error: NodeJS.ErrnoException) =>
    fail(new Error(`cannot connect to ${host}:${port}: ${error.code ?? error.message}; does the gateway run?`)),
  );
  const peer = createPeer(socket, FRAME, {
    onFrame(b, start, end) {
      const command = b.readUInt32BE(start + 4);
      const number = b.readUInt32BE(start + 12);
      if (command >= RESPONSE) {
        answers.get(number)?.(Buffer.from(b.subarray(start, end)));
        answers.delete(number);
      } else if (command === codec.deliverSm.id) {
        onDeliver(b, start, end);
        write(codec.deliverSmResp, { messageId: '', tlvs: NO_TLVS }, number);
      } else if (command === codec.enquireLink.id) write(codec.enquireLinkResp, NONE, number);
      else if (command === codec.unbind.id) write(codec.unbindResp, NONE, number);
      else write(codec.genericNack, NONE, number, ESME.RINVCMDID);
    },
    onFault: (fault) => fail(new Error(`${host}:${port} does not speak SMPP: ${fault.message}`)),
    onClose: () => fail(new Error(`${host}:${port} closed the connection`)),
  });

  const write = <F extends Fields>(plan: Plan<F>, value: Values<F>, number: number, status = 0): void => {
    peer.room(frameSize(plan, value, status));
    peer.at = encodeFrame(plan, value, status, number, peer.out, peer.at);
  };

  const request = <F extends Fields>(plan: Plan<F>, value: Values<F>): Promise<Buffer> => {
    const number = ++sequence;
    const answered = new Promise<Buffer>((resolve) => answers.set(number, resolve));
    write(plan, value, number);
    return within(answered, timeout, `answer to ${plan.name}`);
  };

  const onDeliver = (b: Buffer, start: number, end: number): void => {
    try {
      const pdu = codec.deliverSm.decode(b, start + HEADER, end);
      if (!isReceiptType(pdu.esmClass)) return;
      const read = parseReceipt(pdu.esmClass, receiptText(messageOctets(pdu), pdu.dataCoding), pdu.tlvs);
      if (read === undefined || !read.final) return;
      const receipt = {
        id: read.id,
        stat: read.stat ?? stateWord(read.state ?? STATE.unknown),
        err: read.err ?? '',
        final: read.final,
      };
      receipts.set(read.id, receipt);
      waiting.get(read.id)?.(receipt);
    } catch (error) {
      // Not ours to judge: it is answered, and no receipt comes of it.
      if (!(error instanceof WireFault)) throw error;
    }
  };

  try {
    await within(connected, timeout, 'connection');
    const answer = await request(
      codec.bindTransceiver,
      codec.bindTransceiver.fill({ systemId, password, interfaceVersion: SMPP_34 }),
    );
    const status = answer.readUInt32BE(8);
    if (status !== 0) {
      throw new Error(
        `bind as ${JSON.stringify(systemId)} refused: ${statusName(status)}; check system_id and password`,
      );
    }
  } catch (error) {
    socket.destroy();
    throw error;
  }

  return {
    async submit({ source, destination, text, receipt }) {
      const plan = createSubmits([text], 1, 'udh', ['gsm7', 'ucs2']);
      const ids: string[] = [];
      for (let part = 0; part < plan.total; part++) {
        const { coding, udhi, octets } = plan.template(part);
        const answer = await request(
          codec.submitSm,
          codec.submitSm.fill({
            sourceAddr: source,
            destAddrTon: 1,
            destAddrNpi: 1,
            destinationAddr: destination,
            registeredDelivery: receipt ? 1 : 0,
            dataCoding: DATA_CODING[coding] ?? 0,
            esmClass: udhi ? UDHI : 0,
            shortMessage: octets,
          }),
        );
        const status = answer.readUInt32BE(8);
        if (status !== 0) throw new Error(`refused: ${statusName(status)}`);
        ids.push(codec.submitSmResp.decode(answer, HEADER, answer.length).messageId);
      }
      return ids;
    },
    receipt(id, ms) {
      const come = receipts.get(id);
      if (come !== undefined) return Promise.resolve(come);
      const coming = new Promise<Receipt>((resolve) => waiting.set(id, resolve));
      return within(coming, ms, `receipt of ${id}`);
    },
    async unbind() {
      await request(codec.unbind, NONE).catch(() => undefined);
      peer.end();
    },
  };
}
