const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `500ms`, `10s`, `5m`, `1h`, `2d`, or a number of milliseconds; undefined where it is none of these. */
export function durationOf(given: unknown): number | undefined {
  if (typeof given === 'number') return given >= 0 && Number.isFinite(given) ? given : undefined;
  const found = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(String(given));
  return found === null ? undefined : Number(found[1]) * MS[found[2] as keyof typeof MS];
}
