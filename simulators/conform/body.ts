import type { Fields, Values } from '../../protocols/wire/pdu.ts';
import type { Plan } from '../../protocols/wire/plan.ts';

/** The octets of a PDU's body. */
export function bodyOf<F extends Fields>(plan: Plan<F>, value: Readonly<Values<F>>): Buffer {
  const body = Buffer.alloc(plan.size(value));
  plan.encode(value, body, 0);
  return body;
}
