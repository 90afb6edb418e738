import { statState } from '../../protocols/cmpp/report.ts';
import { STATE, stateOf } from '../../protocols/smpp/receipt.ts';

/** The state, as SMPP numbers them, of a report's Stat. Keeps the last one: most reports say what the one before said. */
export function createReportStates(): (stat: string) => number {
  let last = '';
  let state: number = STATE.unknown;
  return (stat) => {
    if (stat !== last) {
      last = stat;
      state = stateOf(statState(stat)) ?? STATE.unknown;
    }
    return state;
  };
}
