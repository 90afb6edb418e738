import { connect, type Socket } from 'node:net';
import type { JudgementName } from '../../simulators/conform/judge/judgements.ts';
import { bindBody, commandOf, cstring, frame, RESP, sequenceOf, smBody, statusOf } from './smpp-octets.ts';

const WINDOW = 10;
const BIND = 9;
const SUBMIT = 4;
const DELIVER = 5;
const UNBIND = 6;
const ENQUIRE = 0x15;
/** A part of a long message, and one whose header says more octets than there are. */
const PART = Buffer.from('050003010201', 'hex');
const BROKEN_PART = Buffer.from('ff0003010201', 'hex');

/**
 * A client of SMPP, octet by octet, that comes back when its connection ends and submits a message every few
 * milliseconds. It is right in all but `wrong`.
 */
export function startWrongClient(port: number, wrong: JudgementName | undefined): { stop(): void } {
  let stopped = false;
  let socket: Socket | undefined;
  let submitting: NodeJS.Timeout | undefined;
  let connections = 0;
  let wait = 50;

  function come(): void {
    if (stopped) return;
    connections++;
    if (wrong === 'reconnects' && connections > 1) return;
    const s = connect(port, '127.0.0.1');
    socket = s;
    const open = new Map<number, Buffer>();
    const seen = new Set<string>();
    let sequence = 0;
    let last = 0;
    let n = 0;
    let bound = false;
    let rest: Buffer = Buffer.alloc(0);
    const send = (...frames: Buffer[]): void => {
      if (!s.destroyed) s.write(Buffer.concat(frames));
    };

    const submit = (body = message()): void => {
      if (open.size >= WINDOW && wrong !== 'window') return;
      const number = wrong === 'submit-sequences' ? 77 : ++sequence;
      open.set(number, body);
      send(frame(SUBMIT, 0, number, body));
    };
    const message = (): Buffer => {
      n++;
      const destination = wrong === 'submit-fields' ? '' : `86138${String(n).padStart(8, '0')}`;
      if (n % 5 !== 0) return smBody({ destination, registered: 1 });
      const header = wrong === 'long-headers' ? BROKEN_PART : PART;
      return smBody({ destination, registered: 1, esmClass: 0x40, text: Buffer.concat([header, Buffer.from('part')]) });
    };

    function onFrame(b: Buffer): void {
      const command = commandOf(b);
      switch (command) {
        case BIND + RESP:
          if (statusOf(b) !== 0) return;
          bound = true;
          wait = 50;
          submitting = setInterval(() => bound && submit(), 10);
          return;
        case SUBMIT + RESP: {
          const number = sequenceOf(b);
          const body = open.get(number);
          if (body === undefined && wrong === 'stray-answers') s.destroy();
          if (wrong === 'answers-out-of-order' && number < last) s.destroy();
          last = number;
          open.delete(number);
          if (statusOf(b) === 0 || body === undefined) return;
          if (wrong === 'throttle-slows') submit(body);
          else setTimeout(() => submit(body), 100);
          return;
        }
        case ENQUIRE:
          if (wrong !== 'probe-answered') send(frame(ENQUIRE + RESP, 0, sequenceOf(b)));
          return;
        case UNBIND:
          if (wrong !== 'leave-answered') send(frame(UNBIND + RESP, 0, sequenceOf(b)));
          s.end();
          return;
        case DELIVER:
          onDeliver(b);
          return;
        default:
          if (command >= RESP) return;
          if (wrong === 'unknown-command') leaveForGood();
          else send(frame(RESP, 3, sequenceOf(b)));
      }
    }

    function onDeliver(b: Buffer) {
      const id = /id:(\d+)/.exec(b.toString('latin1'))?.[1];
      if (wrong === 'report-answered' && id !== undefined) return;
      if (wrong === 'report-duplicate' && id !== undefined && seen.has(id)) return;
      // The judge's ids begin at a million; what is far above was never given out.
      if (wrong === 'report-unknown' && id !== undefined && Number(id) > 1_030_000) return void s.destroy();
      if (wrong === 'mo-answered' && id === undefined)
        return send(frame(DELIVER + RESP, 8, sequenceOf(b), cstring('')));
      if (id !== undefined) seen.add(id);
      const answered = wrong === 'answers-known' ? sequenceOf(b) + 1000 : sequenceOf(b);
      send(frame(DELIVER + RESP, 0, answered, cstring('')));
    }

    function leaveForGood(): void {
      stopped = true;
      s.destroy();
    }

    s.setNoDelay(true);
    s.on('error', () => undefined);
    s.on('connect', () => {
      const password = wrong === 'login-authenticator' ? 'wrong' : 'secret';
      const bind = frame(BIND, 0, ++sequence, bindBody('acme', password, wrong === 'login-fields' ? 0x7b : 0x34));
      if (wrong === 'login-first') submit();
      send(bind);
      if (wrong === 'login-once') send(bind);
      if (wrong === 'login-waits') submit();
    });
    s.on('data', (chunk: Buffer) => {
      // A frame that comes in pieces is more than some can take.
      if (wrong === 'report-split' && chunk.length < 16) return void s.destroy();
      rest = Buffer.concat([rest, chunk]);
      for (let first = true; rest.length >= 16 && rest.length >= rest.readUInt32BE(0); first = false) {
        const one = rest.subarray(0, rest.readUInt32BE(0));
        rest = rest.subarray(one.length);
        if (wrong === 'report-glued' && !first && commandOf(one) === DELIVER) continue;
        onFrame(one);
      }
    });
    s.on('close', () => {
      clearInterval(submitting);
      wait = Math.min(500, wait * 2);
      if (wrong === 'backoff') setImmediate(come);
      else setTimeout(come, wait);
    });
  }

  come();
  return {
    stop() {
      stopped = true;
      clearInterval(submitting);
      socket?.destroy();
    },
  };
}
