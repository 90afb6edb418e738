import { type DestinationStream, destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { LogConfig } from '../config/schema.ts';

const SECRETS = ['password', 'secret', 'sharedSecret', 'authenticator'];
const TEXTS = ['text', 'shortMessage', 'msgContent', 'octets'];

/** Paths of keys at the top and down to two levels below it. */
const pathsOf = (keys: readonly string[]): string[] => keys.flatMap((k) => [k, `*.${k}`, `*.*.${k}`]);

export interface LoggerOptions extends LogConfig {
  /** Name of the node. */
  readonly node?: string;
  /** Where to write; default: standard output, pretty on a terminal. */
  readonly to?: DestinationStream;
}

/**
 * The process's log: one JSON object a line, for people to read on a terminal. Secrets never reach it, message texts only
 * where `text` allows them. Lines are written behind the back of the event loop and flushed when the process exits.
 */
export function createLogger(options: LoggerOptions): Logger {
  const hidden = pathsOf(options.text ? SECRETS : [...SECRETS, ...TEXTS]);
  return pino(
    {
      level: options.level,
      base: options.node === undefined ? null : { node: options.node },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: hidden, censor: '[hidden]' },
    },
    options.to ?? standardOutput(),
  );
}

function standardOutput(): DestinationStream {
  // Colours and columns for a person, who reads slower than any disk: written at once.
  if (process.stdout.isTTY)
    return pretty({ translateTime: 'SYS:HH:MM:ss.l', ignore: 'node', singleLine: true, sync: true });
  const out = destination({ dest: 1, sync: false });
  process.on('exit', () => {
    try {
      out.flushSync();
    } catch {
      // Whoever read our output has gone; there is nobody left to tell.
    }
  });
  // A reader that goes (`| head`) must not end the gateway.
  out.on('error', () => undefined);
  return out;
}
