import type { Logger } from 'pino';
import type { Gateway } from '../gateway/context.ts';
import type { Message, Segment } from '../message/message.ts';
import type { Carrier } from '../session/dial.ts';
import type { Listener } from '../session/listen.ts';
import type { Tap } from '../session/tap.ts';
import type { Engine } from '../store/journal.ts';

/** A running node, as those who watch it see it. */
export interface Watched {
  readonly gw: Gateway;
  readonly engine: Engine;
  readonly log: Logger;
  readonly listeners: ReadonlyMap<string, Listener<Message>>;
  readonly dials: ReadonlyMap<string, Carrier<Segment>>;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** The newest octets of all sessions; undefined: not kept. */
  readonly tap: Tap | undefined;
}
