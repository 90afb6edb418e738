import { addToMsgId, MSG_ID, msgIdOf, SEQUENCES } from '../../protocols/smgp/msg-id.ts';
import { beijingTime } from '../../protocols/wire/beijing.ts';
import { latin1 } from '../../protocols/wire/octets.ts';
import type { Behaviour } from '../behaviour.ts';

const MINUTE = 60_000;
/** Area 010, device class 06, device 1; fast carriers take the devices behind it too. */
const GATEWAY = 10_061;
const BCD = Array.from({ length: 100 }, (_, n) => String.fromCharCode(Math.floor(n / 10) * 16 + (n % 10)));

export interface SmgpIds {
  next(count: number, rules: Behaviour): string;
  /** Of the k-th receiver: the answer names the first. */
  plus(id: string, k: number, rules: Behaviour): string;
}

/**
 * MsgIDs that do not repeat at any speed: when a minute has used up a gateway's million, the next gateway goes on. A
 * counter that the rules let begin again sooner repeats, and so do layouts with less room.
 */
export function createSmgpIds(clock: () => number): SmgpIds {
  let minute = 0;
  let gateway = 0;
  let used = 0;
  let front = '';
  // A carrier that is started again within a minute goes on elsewhere.
  let sequence = Math.floor(clock() * 8) % SEQUENCES;
  let known: Behaviour['ids'] | undefined;

  function learn(ids: Behaviour['ids']): void {
    if (ids.start > 0 && ids.start !== known?.start) sequence = ids.start % SEQUENCES;
    known = ids;
    minute = 0;
  }

  /** In the layouts that are not specified. */
  function odd(layout: Behaviour['idLayout']['smgp'], at: number): string {
    const c = beijingTime(at);
    const b = Buffer.alloc(MSG_ID);
    if (layout === 'long-time') {
      const digits = [10, 0, 61, c.month, c.day, c.hour, c.minute, c.second];
      return [...digits, Math.floor(sequence / 100) % 100, sequence % 100].map((n) => BCD[n]!).join('');
    }
    b.writeUIntBE(sequence, 7, 3);
    if (layout === 'seconds') {
      b.writeUInt32BE(Math.floor(at / 1000), 0);
      b.writeUIntBE(gateway, 4, 3);
    } else {
      b.writeUIntBE(gateway, 0, 3);
      b.write([c.month, c.day, c.hour, c.minute].map((n) => BCD[n]!).join(''), 3, 'latin1');
    }
    return latin1(b, 0, MSG_ID);
  }

  return {
    next(count, { ids, clockSkew, idLayout }) {
      if (ids !== known) learn(ids);
      const at = clock() + clockSkew.ids;
      const now = Math.floor(at / MINUTE);
      used += count;
      if (now !== minute || (used > SEQUENCES && ids.wrap === 0)) {
        gateway = now === minute ? gateway + 1 : ids.gateway || GATEWAY;
        minute = now;
        used = count;
        front = msgIdOf({ ...beijingTime(now * MINUTE), gateway, sequence: 0 }).slice(0, MSG_ID - 3);
      }
      let id: string;
      if (idLayout.smgp === 'bcd') {
        const [high, middle] = [Math.floor(sequence / 10_000), Math.floor(sequence / 100) % 100];
        id = front + BCD[high]! + BCD[middle]! + BCD[sequence % 100]!;
      } else {
        id = odd(idLayout.smgp, at);
      }
      sequence = (sequence + count) % (ids.wrap || SEQUENCES);
      return id;
    },
    plus(id, k, { idLayout }) {
      if (k === 0) return id;
      if (idLayout.smgp === 'bcd') return addToMsgId(id, k);
      const b = Buffer.from(id, 'latin1');
      if (idLayout.smgp === 'long-time') {
        const n = (Number(b.toString('hex', 8)) + k) % 10_000;
        return id.slice(0, 8) + BCD[Math.floor(n / 100)]! + BCD[n % 100]!;
      }
      b.writeUIntBE((b.readUIntBE(7, 3) + k) % SEQUENCES, 7, 3);
      return latin1(b, 0, MSG_ID);
    },
  };
}
