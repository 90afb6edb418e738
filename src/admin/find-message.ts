import { look } from '../gateway/look.ts';
import type { Message } from '../message/message.ts';
import { candidates } from '../message/public-id.ts';
import type { MessageRecord } from '../store/records.ts';
import type { Watched } from './watched.ts';

/** A message at work, waiting or cold; or its record. */
export type Found =
  | { readonly message: Message; readonly record?: never }
  | { readonly record: MessageRecord; readonly message?: never };

/** Where a record is looked for: when the message ended, in ms. */
export interface EndedWithin {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** Our id as people give it: decimal, or 0x and hexadecimal. */
export function ownId(text: string): number | undefined {
  const id = /^\d{1,16}$/.test(text) || /^0x[0-9a-fA-F]{1,13}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(id) ? id : undefined;
}

/** A message wherever it is; of one that has ended long ago only within a time. */
export async function findMessage(node: Watched, id: number, { from, to }: EndedWithin): Promise<Found | undefined> {
  const { gw } = node;
  const message = look(gw, id);
  if (message !== undefined) return { message };
  const ended = gw.recent.find(id);
  const since = ended === undefined ? from : ended.at;
  const until = ended === undefined ? to : ended.at + 1;
  if (since === undefined || until === undefined) return undefined;
  let record: MessageRecord | undefined;
  await gw.records.flush();
  await gw.records.read(since, until, (r) => {
    if (r.id === id || (record === undefined && r.publicId === id)) record = r;
  });
  return record === undefined ? undefined : { record };
}

/** A message by the id that its platform has of it, in the octets of its protocol. */
export async function findByPlatformId(node: Watched, octets: string, within: EndedWithin): Promise<Found | undefined> {
  const { gw } = node;
  for (const account of gw.accounts.values()) {
    const referred = account.references.find(octets);
    const version = account.sessions[0]?.version ?? 0;
    const known =
      referred > 0
        ? { id: referred, every: 0, from: 0, to: Number.POSITIVE_INFINITY }
        : account.mapping.readId(octets, account.config, version, gw.clock.now());
    if (known === undefined) continue;
    let tried = 0;
    for (const id of candidates(known, gw.state.nextId)) {
      const message = gw.state.active.get(id) ?? (tried < 100 ? look(gw, id) : undefined);
      const fits =
        message?.account === account.name && message.acceptedAt >= known.from && message.acceptedAt < known.to;
      if (fits) return { message: message! };
      if (tried++ >= 100 || gw.recent.find(id)?.account !== account.name) continue;
      const found = await findMessage(node, id, within);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
