import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { Turn } from '../base/turn.ts';
import type { Wheel } from '../base/wheel.ts';
import type { RunningGateway } from '../gateway/gateway.ts';
import type { Tap } from '../session/tap.ts';

/** What every session of a node is made with. */
export interface Parts {
  readonly clock: Clock;
  readonly wheel: Wheel;
  readonly turn: Turn;
  readonly log: Logger;
  readonly running: RunningGateway;
  readonly tap: Tap | undefined;
}

/** Unreadable PDUs a minute that end a session. */
export const BAD_PDUS = 10;
