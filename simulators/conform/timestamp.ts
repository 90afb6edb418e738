import { beijingTime } from '../../protocols/wire/beijing.ts';

/** MMDDhhmmss of now in Beijing, as a number: Timestamp of logins, the middle of SGIP's sequences. */
export function timestampNow(): number {
  const { month, day, hour, minute, second } = beijingTime(performance.timeOrigin + performance.now());
  return (((month * 100 + day) * 100 + hour) * 100 + minute) * 100 + second;
}
