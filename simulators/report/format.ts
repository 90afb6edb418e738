/** `12,345`. */
export const whole = (n: number): string => Math.round(n).toLocaleString('en-US');

/** A duration in the unit that it is read best in: `850 µs`, `12.3 ms`, `4.20 s`. Three figures. */
export function milliseconds(ms: number): string {
  if (ms === 0) return '0 ms';
  if (ms < 0.9995) return `${Math.round(ms * 1000)} µs`;
  return ms < 999.5 ? `${threeFigures(ms)} ms` : `${threeFigures(ms / 1000)} s`;
}

/** `12.3 %`; nothing of nothing is `-`. */
export const share = (part: number, of: number): string => (of === 0 ? '-' : `${((100 * part) / of).toFixed(1)} %`);

const threeFigures = (n: number): string => (n >= 999.5 ? whole(n) : n.toPrecision(3));
