import { createDraws } from './draws.ts';

/**
 * When the messages of an open loop are due, whatever becomes of those before. Rates are messages a second. `burst`: so
 * many at once, every so many milliseconds. `trace`: at these times (milliseconds, rising), over and over, `speed` times
 * as fast.
 */
export type Arrival =
  | { readonly law: 'constant'; readonly rate: number }
  | { readonly law: 'poisson'; readonly rate: number }
  | { readonly law: 'ramp'; readonly from: number; readonly to: number; readonly seconds: number }
  | { readonly law: 'burst'; readonly messages: number; readonly every: number }
  | { readonly law: 'trace'; readonly times: Float64Array; readonly speed: number };

/** The next message is due so many milliseconds after the start: never less than the one before. */
export type Arrivals = () => number;

/** Throws RangeError for a law that brings nothing. */
export function createArrivals(arrival: Arrival, seed: number): Arrivals {
  let n = -1;
  switch (arrival.law) {
    case 'constant': {
      const { rate } = arrival;
      positive('rate', rate);
      return () => (++n * 1000) / rate;
    }
    case 'poisson': {
      const { rate } = arrival;
      positive('rate', rate);
      const draws = createDraws(seed, 'arrival');
      let at = 0;
      return () => (at -= (Math.log(1 - draws(++n)) * 1000) / rate);
    }
    case 'ramp': {
      const { from, to, seconds } = arrival;
      positive('last rate', to);
      positive('time', seconds);
      // From t = 0 on, from·t + (to - from)·t²/2·seconds messages have come by the time t.
      const bend = (to - from) / (2 * seconds);
      const within = ((from + to) / 2) * seconds;
      return () => {
        n++;
        if (n >= within) return (seconds + (n - within) / to) * 1000;
        if (bend === 0) return (n / from) * 1000;
        return ((Math.sqrt(from * from + 4 * bend * n) - from) / (2 * bend)) * 1000;
      };
    }
    case 'burst': {
      const { messages, every } = arrival;
      positive('number', messages);
      positive('time', every);
      return () => Math.floor(++n / messages) * every;
    }
    case 'trace': {
      const { times, speed } = arrival;
      positive('number of times', times.length);
      positive('speed', speed);
      const first = times[0]!;
      const last = times[times.length - 1]!;
      // Once more from the start, after the usual gap.
      const period = last - first + (times.length > 1 ? (last - first) / (times.length - 1) : 1000);
      return () => {
        n++;
        return (Math.floor(n / times.length) * period + times[n % times.length]! - first) / speed;
      };
    }
  }
}

function positive(what: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value)))
    throw new RangeError(`arrivals: the ${what} is ${value}; give more than 0`);
}

/**
 * Reads `constant:2000`, `poisson:2000`, `ramp:100-5000/60s`, `burst:500/10s` (times in ms or s), `trace:file` or
 * `trace:file/2` (twice as fast). Throws RangeError with the forms there are.
 */
export function parseArrival(text: string, readTrace: (path: string) => Float64Array): Arrival {
  const rate = /^(constant|poisson):(\d+(?:\.\d+)?)$/.exec(text);
  if (rate !== null) return { law: rate[1] as 'constant' | 'poisson', rate: Number(rate[2]) };
  const ramp = /^ramp:(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  if (ramp !== null) {
    return {
      law: 'ramp',
      from: Number(ramp[1]),
      to: Number(ramp[2]),
      seconds: milliseconds(ramp[3]!, ramp[4]!) / 1000,
    };
  }
  const burst = /^burst:(\d+)\/(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  if (burst !== null) return { law: 'burst', messages: Number(burst[1]), every: milliseconds(burst[2]!, burst[3]!) };
  const trace = /^trace:(.+?)(?:\/(\d+(?:\.\d+)?))?$/.exec(text);
  if (trace !== null) return { law: 'trace', times: readTrace(trace[1]!), speed: Number(trace[2] ?? 1) };
  throw new RangeError(
    `arrivals: ${JSON.stringify(text)} is none; give constant:2000, poisson:2000, ramp:100-5000/60s, burst:500/10s or trace:file`,
  );
}

const milliseconds = (n: string, unit: string): number => Number(n) * (unit === 's' ? 1000 : 1);
