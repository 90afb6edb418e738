import type { Engine } from '../store/journal.ts';
import type { Gateway } from './context.ts';

/** Of the store's limit, and at most: kept for what was taken already, its reports and its receipts. */
const RESERVE_SHARE = 0.2;
const RESERVE_MOST = 256 << 20;
const LOOK_MS = 1_000;

/** Octets below which nothing new is taken. */
export const reserveOf = (maxOctets: number): number => Math.min(maxOctets * RESERVE_SHARE, RESERVE_MOST);

/**
 * Watches the room that is left, on disk and under the store's own limit. Below the reserve nothing new is taken: a
 * store that is wholly full could not even record what makes room again.
 */
export function createRoom(gw: Gateway, engine: Engine): { look(now: number): void } {
  const reserve = reserveOf(gw.config.store.maxOctets);
  let free = Number.POSITIVE_INFINITY;
  let lookedAt = 0;
  let looking = false;

  const judge = (octets: number): void => {
    free = octets - gw.batch.waiting;
    if (gw.scarce === '' && free < reserve) {
      gw.scarce = `${free} octets left, less than the ${Math.round(reserve)} kept for what was taken already`;
      gw.log.error(
        { free, reserve: Math.round(reserve), journal: gw.journal.octets },
        'store nearly full: nothing new is taken until there is room; free disk space or raise store.maxOctets',
      );
    } else if (gw.scarce !== '' && free > reserve * 1.25) {
      gw.scarce = '';
      gw.log.info({ free }, 'store has room again: taking messages');
    }
  };

  return {
    /** Every tick; asks the system at every one only when there is little room. */
    look(now) {
      if (looking || (free > 4 * reserve && now - lookedAt < LOOK_MS)) return;
      looking = true;
      lookedAt = now;
      engine.freeOctets().then(
        (octets) => {
          looking = false;
          judge(octets);
        },
        () => {
          // Not told: an append that fails says it.
          looking = false;
        },
      );
    },
  };
}
