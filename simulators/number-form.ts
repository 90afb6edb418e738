/** As the submit had it, or its national digits behind one of the prefixes of the field. */
export const NUMBER_FORMS = ['as-sent', 'national', '86', '+86', '0086'] as const;
export type NumberForm = (typeof NUMBER_FORMS)[number];

/** A handset's number as the carrier writes it. */
export function numberIn(form: NumberForm, number: string): string {
  if (form === 'as-sent') return number;
  const national = number.replace(/^(\+|00)?86(?=1\d{10}$)/, '');
  return form === 'national' ? national : form + national;
}
