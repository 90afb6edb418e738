import { beijingTime, minuteText } from '../protocols/wire/beijing.ts';

const MINUTE = 60_000;

/** `YYMMDDHHMM` in Beijing, kept for the last minute asked for. */
export function createMinuteText(): (ms: number) => string {
  let minute = -1;
  let text = '';
  return (ms) => {
    const asked = Math.floor(ms / MINUTE);
    if (asked !== minute) {
      minute = asked;
      text = minuteText(beijingTime(asked * MINUTE));
    }
    return text;
  };
}
