import { TAG } from '../../protocols/smpp/tlv-tags.ts';
import { type Tlv, textTlv, tlvText } from '../../protocols/wire/tlv.ts';
import type { Message } from './message.ts';
import { readTlvs } from './tlv-octets.ts';

/** Tag in the vendor range (0x1400-0x3FFF) under which nodes of ours tell each other where a message has been. */
export const HOP_TAG = 0x3f59;
/** Tag that marks an MO of which parts never came. */
export const INCOMPLETE_TAG = 0x3f5b;
const noTags: ReadonlySet<number> = new Set();
const tagSets = new WeakMap<readonly (string | number)[], ReadonlySet<number>>();
/** Tags of a carrier's or an account's allow-list; the hop tag is ours and on none. */
export function tagsAllowed(config: { readonly tlvs: readonly (string | number)[] }): ReadonlySet<number> {
  if (config.tlvs.length === 0) return noTags;
  let set = tagSets.get(config.tlvs);
  if (set === undefined) {
    set = tagsOf(config.tlvs);
    tagSets.set(config.tlvs, set);
  }
  return set;
}

/** The nodes that the message has passed, and this one. */
export function hopsWith(m: Message, node: string): Tlv {
  const past = m.tlvs.length === 0 ? undefined : tlvText(readTlvs(m.tlvs, HOPS), HOP_TAG);
  return textTlv(HOP_TAG, past === undefined ? node : `${past},${node}`);
}
const HOPS: ReadonlySet<number> = new Set([HOP_TAG]);

/** Tags of an allow-list: names of the specification or numbers. */
function tagsOf(list: readonly (string | number)[]): ReadonlySet<number> {
  const camel = (name: string): string => name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());
  return new Set(
    list
      .flatMap((t) => {
        if (typeof t === 'number') return [t];
        const tag = (TAG as Readonly<Record<string, number>>)[camel(t)];
        return tag === undefined ? [] : [tag];
      })
      .filter((tag) => tag !== HOP_TAG),
  );
}
