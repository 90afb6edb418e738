import { ANSWER, commandOf, sequenceKey, type Wire } from './wire.ts';

/** A request and its answer. */
export interface Exchange {
  /** From 1, in the order of the requests. */
  readonly number: number;
  readonly requestAt: number;
}

export interface Exchanges {
  /** The exchange that a frame begins or ends; undefined for an answer to nothing that was seen. */
  of(stream: string, fromHere: boolean, at: number, wire: Wire, frame: Buffer): Exchange | undefined;
}

/** Requests that may be open at once: beyond it the oldest are forgotten. */
const OPEN_MAX = 200_000;
/** generic_nack answers whatever has its sequence. */
const NACK = ANSWER;

/** Ties answers to requests by stream, side and sequence. `fromHere`: which of the two sides of the stream sent it. */
export function createExchanges(): Exchanges {
  const open = new Map<string, Exchange & { readonly command: number }>();
  let requests = 0;
  return {
    of(stream, fromHere, at, wire, frame) {
      if (frame.length < wire.headerOctets) return undefined;
      const command = commandOf(frame);
      const isAnswer = command >= ANSWER;
      const key = `${stream} ${fromHere !== isAnswer ? '>' : '<'} ${sequenceKey(wire, frame)}`;
      if (!isAnswer) {
        const exchange = { number: ++requests, requestAt: at, command };
        // Set anew, so that the oldest stay in front.
        open.delete(key);
        open.set(key, exchange);
        if (open.size > OPEN_MAX) for (const oldest of open.keys()) return open.delete(oldest) ? exchange : undefined;
        return exchange;
      }
      const request = open.get(key);
      if (request === undefined || (command !== NACK && request.command + ANSWER !== command)) return undefined;
      open.delete(key);
      return request;
    },
  };
}
