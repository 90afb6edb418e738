import type { Message } from '../message/message.ts';
import { plans } from '../store/events.ts';
import type { Gateway } from './context.ts';
import { fromCarried, unfreeze } from './state.ts';

/** A message wherever it waits, for reading only: unlike `find` it leaves frozen and cold ones where they are. */
export function look(gw: Gateway, id: number): Message | undefined {
  const active = gw.state.active.get(id);
  if (active !== undefined) return active;
  const ref = gw.state.frozen.byId(id);
  if (ref >= 0) return unfreeze(gw.state.frozen.read(ref));
  const record = gw.cold.count > 0 ? gw.cold.byId(id) : undefined;
  if (record === undefined) return undefined;
  const b = Buffer.from(record.buffer, record.byteOffset, record.length);
  return fromCarried(plans.carried.decode(b, 0, b.length), 0);
}
