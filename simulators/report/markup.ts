/** Octets of a page that are markup already; whatever else goes into a page is escaped. */
export interface Markup {
  readonly markup: string;
}

type Content = Markup | string | number | readonly Markup[];

/** A piece of a page: values are escaped, in text and in quoted attributes, unless they are markup. */
export function html(pieces: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let markup = pieces[0]!;
  for (const [k, value] of values.entries()) markup += written(value) + pieces[k + 1]!;
  return { markup };
}

/** What is markup by its making, such as a script of ours. */
export const asIs = (markup: string): Markup => ({ markup });

function written(value: Content): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return value.replace(/[&<>"'`]/g, (c) => `&#${c.charCodeAt(0)};`);
  return 'markup' in value ? value.markup : value.map((m) => m.markup).join('');
}
