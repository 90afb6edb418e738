import type { AccountConfig, CarrierConfig } from '../config/schema.ts';
import { type Message, MO } from '../message/message.ts';
import { carrierNumber } from '../message/number.ts';
import { routeDigits } from './route.ts';

// A message keeps its numbers as its sender wrote them; these make what each side is to see of it. It is a copy, and only
// where something differs.

type Known<C> = { get(name: string): { readonly config: C } | undefined };

/** Digits of a source address, at most, in the protocols that have access codes. */
const MOST_DIGITS = 21;

/** The message with the source address that its carrier is to see. */
export function asCarrierSees(m: Message, { accessCode }: CarrierConfig, accounts: Known<AccountConfig>): Message {
  if (accessCode === '') return m;
  const source = behindCode(m.source, accessCode, accounts.get(m.account)?.config.extensions ?? NONE);
  return source === m.source ? m : { ...m, source };
}
const NONE: readonly string[] = [];

/** An empty source is the access code with the account's first extension; one of its extensions stands behind the code. */
function behindCode(source: string, accessCode: string, extensions: readonly string[]): string {
  if (source === '') return accessCode + (extensions[0] ?? '');
  if (source.startsWith(accessCode) || accessCode.length + source.length > MOST_DIGITS) return source;
  return extensions.some((own) => source.startsWith(own)) ? accessCode + source : source;
}

/** The message with the numbers that its platform is to see, in a receipt or as an MO. */
export function asPlatformSees(m: Message, account: AccountConfig, carriers: Known<CarrierConfig>): Message {
  const { numbers, moCalled } = account;
  if (m.kind !== MO) {
    const destination = carrierNumber(m.destination, numbers);
    return destination === m.destination ? m : { ...m, destination };
  }
  const source = carrierNumber(m.source, numbers);
  const code = moCalled === 'full' ? '' : (carriers.get(m.carrier)?.config.accessCode ?? '');
  const destination = code === '' ? m.destination : extensionOf(m.destination, code);
  return source === m.source && destination === m.destination ? m : { ...m, source, destination };
}

/** What stands behind the access code of a called number; the number where nothing does. */
function extensionOf(called: string, accessCode: string): string {
  const digits = routeDigits(called);
  for (const number of digits.startsWith('86') ? [digits, digits.slice(2)] : [digits]) {
    if (number.length > accessCode.length && number.startsWith(accessCode)) return number.slice(accessCode.length);
  }
  return called;
}
