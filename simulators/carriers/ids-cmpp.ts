import { msgIdOf } from '../../protocols/cmpp/msg-id.ts';
import { beijingTime } from '../../protocols/wire/beijing.ts';
import type { Behaviour } from '../behaviour.ts';

/** Beijing, 001001. Fast carriers take the codes behind it too: one code has 65,536 ids a second. */
const GATEWAY = 1001;
const SEQUENCES = 0x10000;

/**
 * Msg_Ids that do not repeat at any speed: when a second has used up a gateway code, the next code goes on. A counter that
 * the rules let begin again sooner repeats.
 */
export function createCmppIds(clock: () => number): (count: number, rules: Behaviour) => string {
  let second = 0;
  let code = 0;
  let used = 0;
  let front = '';
  // A carrier that is started again within a second goes on elsewhere.
  let sequence = Math.floor(clock() * 64) % SEQUENCES;
  let known: Behaviour['ids'] | undefined;

  function learn(ids: Behaviour['ids']): void {
    if (ids.start > 0 && ids.start !== known?.start) sequence = ids.start % SEQUENCES;
    known = ids;
    second = 0;
  }

  return (count, { ids, clockSkew }) => {
    if (ids !== known) learn(ids);
    const now = Math.floor((clock() + clockSkew.ids) / 1000);
    const first = ids.gateway || GATEWAY;
    used += count;
    if (now !== second || (used > SEQUENCES && ids.wrap === 0)) {
      code = now === second ? code + 1 : first;
      second = now;
      used = count;
      front = msgIdOf({ ...beijingTime(now * 1000), gateway: code, sequence: 0 }).slice(0, 6);
    }
    const id = front + String.fromCharCode(sequence >> 8, sequence & 0xff);
    sequence = (sequence + count) % (ids.wrap || SEQUENCES);
    return id;
  };
}
