import { beijingTime, minuteText } from '../protocols/wire/beijing.ts';

const MINUTE = 60_000;

/** `YYMMDDHHMM`, in Beijing or as `write` has it, kept for the last minute asked for. */
export function createMinuteText(
  write: (ms: number) => string = (ms) => minuteText(beijingTime(ms)),
): (ms: number) => string {
  let minute = -1;
  let text = '';
  return (ms) => {
    const asked = Math.floor(ms / MINUTE);
    if (asked !== minute) {
      minute = asked;
      text = write(asked * MINUTE);
    }
    return text;
  };
}
