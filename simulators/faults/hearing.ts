import type { Behaviour } from '../behaviour.ts';
import type { Protocol } from '../protocol.ts';
import { delayOf } from '../scenario/distribution.ts';
import { chance, type Lot, purpose } from '../scenario/draw.ts';

const SILENT_PROBE = purpose('silent probe');
const SILENT_BIND = purpose('silent bind');
const LATE_BIND = purpose('late bind');
const LATE_BIND_DELAY = purpose('late bind delay');

/** Whether there are frames that these rules do not let be heard at once. */
export const mishears = ({ silentProbe, silentBind, lateBind }: Behaviour): boolean =>
  silentProbe.probability + silentBind.probability + lateBind.probability > 0;

/** After how many milliseconds a frame is heard; Infinity: never. `nth`: of the frames of its session. */
export function hearing(
  command: number,
  { loginCommands, probeCommand }: Protocol,
  rules: Behaviour,
  lot: Lot,
  nth: number,
) {
  if (command === probeCommand) return chance(lot, SILENT_PROBE, rules.silentProbe.probability, nth) ? Infinity : 0;
  if (!loginCommands.includes(command)) return 0;
  const { silentBind, lateBind } = rules;
  if (chance(lot, SILENT_BIND, silentBind.probability)) return Infinity;
  return chance(lot, LATE_BIND, lateBind.probability) ? delayOf(lateBind.delay, lot, LATE_BIND_DELAY) : 0;
}
