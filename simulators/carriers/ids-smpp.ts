import { beijingTime } from '../../protocols/wire/beijing.ts';
import { two } from '../../protocols/wire/civil.ts';
import type { Behaviour } from '../behaviour.ts';
import type { IdBase } from '../id-layouts.ts';

/** message_ids as the answer, the receipt's text and the receipt's parameter have them. */
export interface SmppIds {
  next(rules: Behaviour): string;
  /** `id`: as in the answer. */
  inReceipt(id: string, rules: Behaviour): string;
  /** `id`: as in the receipt's text. */
  inTlv(id: string, rules: Behaviour): string;
}

const MILLION = 1_000_000;
/** Above 2^63, where signed numbers end. */
const LONG = 9_300_000_000_000_000_000n;
const BILLIONS = 1_000_000_000_000n;

function written(n: bigint, base: IdBase): string {
  switch (base) {
    case 'decimal':
      return n.toString();
    case 'decimal-10':
      return n.toString().padStart(10, '0');
    case 'hex':
      return n.toString(16);
    case 'hex-8':
      return n.toString(16).padStart(8, '0');
    case 'HEX':
      return n.toString(16).toUpperCase();
    case 'HEX-8':
      return n.toString(16).toUpperCase().padStart(8, '0');
  }
}

const numberIn = (text: string, base: IdBase): bigint => BigInt(base.startsWith('decimal') ? text : `0x${text}`);

const rewritten = (id: string, from: IdBase, to: IdBase): string =>
  from === to || id.includes('-') ? id : written(numberIn(id, from), to);

/** `now`: the carrier's clock. Ids do not come again after a restart, unless the rules want it. */
export function createSmppIds(now: () => number): SmppIds {
  // The second of the start, then a number, and no carrier makes a million a second.
  let high = Math.floor(now() / 1000);
  let low = 0;
  let highText = String(high);
  let known: Behaviour['ids'] | undefined;

  function learn(ids: Behaviour['ids']): void {
    if (ids.start > 0 && ids.start !== known?.start) low = ids.start - 1;
    known = ids;
  }

  function count({ wrap }: Behaviour['ids'], layout: Behaviour['idLayout']['smpp']): void {
    low++;
    if (wrap > 0) {
      if (low >= wrap) low = 0;
    } else if (layout === 'clock' && low >= MILLION) {
      low = 0;
      highText = String(++high);
    }
  }

  function madeNumber({ idLayout, clockSkew, ids }: Behaviour): bigint {
    switch (idLayout.smpp) {
      case 'counter':
        return BigInt(ids.start > 0 || ids.wrap > 0 ? low : (high % MILLION) * MILLION + low);
      case 'long':
        return LONG + BigInt(high % MILLION) * BILLIONS + BigInt(low);
      case 'date': {
        const c = beijingTime(now() + clockSkew.ids);
        const date = [c.year % 100, c.month, c.day, c.hour, c.minute, c.second].map(two).join('');
        return BigInt(date) * BigInt(MILLION) + BigInt(low % MILLION);
      }
      default:
        return BigInt(high) * BigInt(MILLION) + BigInt(low);
    }
  }

  return {
    next(rules) {
      const { ids, idForm, idLayout } = rules;
      if (ids !== known) learn(ids);
      const layout = idLayout.smpp;
      count(ids, layout);
      if (layout === 'clock' && idForm.response === 'decimal') return highText + String(MILLION + low).slice(1);
      if (layout === 'uuid') {
        const tail = low.toString(16).padStart(12, '0');
        return `${high.toString(16).padStart(8, '0')}-5e3f-4c1a-8d2b-${tail}`;
      }
      return written(madeNumber(rules), idForm.response);
    },
    inReceipt: (id, { idForm }) => rewritten(id, idForm.response, idForm.receipt),
    inTlv: (id, { idForm }) => (idForm.tlv === 'receipt' ? id : rewritten(id, idForm.receipt, idForm.tlv)),
  };
}
