import { closeSync, openSync, writeSync } from 'node:fs';
import type { Lab } from '../../simulators/lab.ts';
import { fineClock } from '../base/clock.ts';
import { every } from '../base/timers.ts';
import { createDissector, type PortUse } from '../capture/dissect.ts';
import { createPcapWriter } from '../capture/pcap-writer.ts';
import { Complaint } from './complaint.ts';
import { asText, troubleText } from './decode.ts';
import { WIRE_NAMES, WIRES } from './wires.ts';

export interface PduLogOptions {
  /** What was on the wire goes into this file, for Wireshark; undefined: nowhere. */
  readonly pcap?: string;
  /** Takes PDUs as text, a line each; undefined: nobody does. */
  readonly lines?: (text: string) => void;
  /** Where the carriers dial, by protocol. */
  readonly dialled: ReadonlyMap<number, string>;
}

/** All that is said between a lab's carriers and their peers, as it is said. Passwords are in it as they were sent. */
export interface PduLog {
  /** What is said while it is off is in no log. */
  turn(on: boolean): void;
  close(): void;
}

const FLUSH_MS = 250;
const FLUSH_OCTETS = 256 << 10;

/** Throws Complaint where the file cannot be written. Off until turned on. */
export function createPduLog(lab: Lab, options: PduLogOptions): PduLog {
  const file = options.pcap === undefined ? undefined : createPcapFile(options.pcap);
  const { lines } = options;
  const ports = new Map<number, PortUse>();
  for (const { protocol, carrier } of lab.carriers) ports.set(carrier.port, useOf(protocol));
  for (const [port, protocol] of options.dialled) ports.set(port, useOf(protocol));
  const dissector =
    lines === undefined
      ? undefined
      : createDissector({
          wires: WIRES,
          ports,
          onPdu: (pdu) => lines(asText(pdu, false)),
          onTrouble: (conversation, sender, at, what) => lines(troubleText(conversation, sender, at, what, false)),
        });
  // One way for both: the lines are read from what the file holds.
  const writer = createPcapWriter((octets) => {
    file?.write(octets);
    dissector?.push(octets);
  });

  return {
    turn(on) {
      for (const { carrier } of lab.carriers) {
        carrier.watch(
          on
            ? (connection, fromClient, octets) =>
                writer.octets(connection, fromClient ? 'client' : 'server', fineClock.now(), octets)
            : undefined,
        );
      }
    },
    close() {
      this.turn(false);
      dissector?.end();
      file?.close();
    },
  };
}

const useOf = (protocol: string): PortUse => ({ wire: WIRE_NAMES.get(protocol)!.wire, version: undefined });

interface PcapFile {
  write(octets: Buffer): void;
  close(): void;
}

/** Written in pieces of some size: a write for every segment would cost more than all else. */
function createPcapFile(path: string): PcapFile {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'w');
  } catch (error) {
    throw new Complaint(`--pcap: cannot write ${path}: ${(error as NodeJS.ErrnoException).code}`);
  }
  let held: Buffer[] = [];
  let octetsHeld = 0;
  let broken = false;
  const flush = (): void => {
    if (octetsHeld === 0) return;
    const all = Buffer.concat(held);
    held = [];
    octetsHeld = 0;
    try {
      for (let o = 0; o < all.length; ) o += writeSync(descriptor, all, o);
    } catch (error) {
      // A full disk ends the log, not the lab.
      broken = true;
      process.stderr.write(`yima: --pcap: ${path} ends here: ${(error as Error).message}\n`);
    }
  };
  const flushing = every(FLUSH_MS, flush);
  return {
    write(octets) {
      if (broken) return;
      held.push(octets);
      octetsHeld += octets.length;
      if (octetsHeld >= FLUSH_OCTETS) flush();
    },
    close() {
      flushing.stop();
      flush();
      closeSync(descriptor);
    },
  };
}
