import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createFramer } from '../../protocols/wire/frame.ts';
import { listenForCalls } from '../callback.ts';
import { DIGITS, type Wire } from './wires.ts';

const CONNECTIONS = 4;
/** Submits of a connection that wait for their answers, and those whose reports have not come. */
const WINDOW = 256;
const OPEN = 4096;
const BIND = 0x01;

/** Drives a carrier with submits out of one copied frame, and answers its reports the same way. */
export interface Blaster {
  /** Where an SGIP carrier is to dial with its reports. */
  readonly callbackPort: number;
  /**
   * Submits so many messages and answers the report of each; resolves with the seconds that it took once all are
   * answered and all connections are closed. Rejects where one was refused.
   */
  run(port: number, count: number): Promise<number>;
  stop(): void;
}

export async function createBlaster(wire: Wire): Promise<Blaster> {
  const { server, port: callbackPort } = await listenForCalls(0);
  const calls = new Set<Socket>();
  const { sequence, echo, result } = wire;
  const submitResp = wire.submitResp.readUInt32BE(4);
  const report = wire.report.readUInt32BE(4);
  let onReport: () => void = () => undefined;

  /** Writes what one turn has gathered. */
  function outbox(socket: Socket) {
    let out = Buffer.allocUnsafe(64 << 10);
    let at = 0;
    return {
      /** Copies a frame with `from`'s sequence; returns where it stands in `out`. */
      put(frame: Buffer, from?: Buffer, start = 0): number {
        if (at + frame.length > out.length) this.flush();
        const o = at;
        frame.copy(out, o);
        if (from !== undefined)
          from.copy(out, o + sequence.at, start + sequence.at, start + sequence.at + sequence.octets);
        at += frame.length;
        return o;
      },
      get out() {
        return out;
      },
      flush(): void {
        if (at === 0) return;
        socket.write(out.subarray(0, at));
        out = Buffer.allocUnsafe(64 << 10);
        at = 0;
      },
    };
  }

  /** Answers a report. */
  function answer(box: ReturnType<typeof outbox>, b: Buffer, start: number): void {
    const o = box.put(wire.reportResp, b, start);
    if (echo.octets > 0) b.copy(box.out, o + echo.at, start + echo.at, start + echo.at + echo.octets);
    onReport();
  }

  server.on('connection', (socket: Socket) => {
    calls.add(socket);
    const box = outbox(socket);
    const framer = createFramer(wire.rule, (b, start) => {
      if (b.readUInt32BE(start + 4) === BIND) box.put(wire.loginResp, b, start);
      else if (b.readUInt32BE(start + 4) === report) answer(box, b, start);
      return true;
    });
    socket.on('data', (chunk: Buffer) => {
      framer.push(chunk);
      box.flush();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => calls.delete(socket));
  });

  async function run(port: number, count: number): Promise<number> {
    let sent = 0;
    let acked = 0;
    let reported = 0;
    let refused = 0;
    const startedAt = performance.now();
    let seconds = 0;
    const sockets: Socket[] = [];
    const pumps: (() => void)[] = [];

    const done = new Promise<void>((resolve, reject) => {
      const end = (): void => {
        if (acked < count || reported < count) return;
        seconds = (performance.now() - startedAt) / 1000;
        resolve();
      };
      onReport = () => {
        reported++;
        end();
      };
      for (let k = 0; k < CONNECTIONS; k++) {
        const socket = connect({ host: '127.0.0.1', port, noDelay: true });
        sockets.push(socket);
        const box = outbox(socket);
        let bound = false;
        let own = 0;
        let ownAcked = 0;
        const pump = (): void => {
          if (!bound) return;
          while (sent < count && own - ownAcked < WINDOW && sent - reported < OPEN) {
            const o = box.put(wire.submit);
            box.out.writeUInt32BE(++own, o + sequence.at + sequence.octets - 4);
            let n = sent++;
            for (let d = DIGITS - 1; d >= 0; d--) {
              box.out[o + wire.submitDigits + d] = 0x30 + (n % 10);
              n = Math.floor(n / 10);
            }
          }
        };
        pumps.push(() => {
          pump();
          box.flush();
        });
        const framer = createFramer(wire.rule, (b, start, stop) => {
          const command = b.readUInt32BE(start + 4);
          if (command === submitResp) {
            acked++;
            ownAcked++;
            for (let o = start + result.at; o < start + result.at + result.octets; o++) if (b[o] !== 0) refused++;
            if (refused > 0) reject(new Error(`blaster: refused with ${b.toString('hex', start, stop)}`));
            end();
          } else if (command === report) answer(box, b, start);
          else bound = true;
          return true;
        });
        socket.on('data', (chunk: Buffer) => {
          framer.push(chunk);
          pump();
          box.flush();
          // Reports of these may have come on a connection of the carrier's.
          if (calls.size > 0) for (const other of pumps) other();
        });
        socket.once('connect', () => socket.write(wire.login()));
        socket.once('error', reject);
        socket.once('close', () => reject(new Error('blaster: the carrier closed the connection')));
      }
    });
    const ticker = setInterval(() => {
      for (const pump of pumps) pump();
    }, 1);
    try {
      await done;
    } finally {
      clearInterval(ticker);
      await Promise.all(
        sockets.map((socket) => {
          socket.end();
          return socket.destroyed ? undefined : once(socket, 'close');
        }),
      );
    }
    return seconds;
  }

  return {
    callbackPort,
    run,
    stop() {
      server.close();
      for (const socket of calls) socket.destroy();
    },
  };
}
