import { statState } from '../../protocols/cmpp/report.ts';
import { isFinal, STATE, stateOf } from '../../protocols/smpp/receipt.ts';

// States that a carrier has reported of a part, as a set of bits: one for each state by its number, and one for a word
// of the carrier's own (MK:0012) that says no more than that it failed.

const OTHER_FAILURE = 1 << 15;

/** The bit of a carrier's word; 0 where it is not final. */
export function bitOfWord(word: string): number {
  const state = stateOf(word);
  if (state !== undefined) return isFinal(state) ? 1 << state : 0;
  // SGIP and SMGP number their errors; none is success.
  if (/^0+$/.test(word)) return 1 << STATE.delivered;
  return statState(word) === 'ACCEPTED' ? 0 : OTHER_FAILURE;
}

/** The number of a final state that a platform was told by its name, or -1. */
export function finalState(name: string): number {
  const state = stateOf(name);
  return state !== undefined && isFinal(state) ? state : -1;
}

/** Whether a platform may be told this of a part that was reported so. `loose`: no more than success and failure. */
export function agrees(told: number, reported: number, loose: boolean): boolean {
  if ((reported & (1 << told)) !== 0) return true;
  if (told === STATE.delivered) return false;
  return loose ? (reported & ~(1 << STATE.delivered)) !== 0 : (reported & OTHER_FAILURE) !== 0;
}
