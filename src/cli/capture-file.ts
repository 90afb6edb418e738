import type { Dissector, PortUse } from '../capture/dissect.ts';
import { CaptureFault } from '../capture/file.ts';
import { Complaint } from './complaint.ts';
import { portNumber } from './options.ts';
import { WIRE_NAMES } from './wires.ts';

// What the commands that read a capture file have in common.

/** Names that a port may be said to speak. */
export const PROTOCOLS = [...WIRE_NAMES.keys()].join(', ');
export const PORT_FLAG = '--port <port=protocol>';

/** `7890=cmpp2`. */
export function portsOf(given: readonly string[] | undefined): Map<number, PortUse> | undefined {
  if (given === undefined) return undefined;
  return new Map(
    given.map((text): [number, PortUse] => {
      const [port = '', name = ''] = text.split('=', 2);
      const spoken = WIRE_NAMES.get(name);
      if (spoken === undefined) throw new Complaint(`--port ${text}: give port=protocol, with one of ${PROTOCOLS}`);
      return [portNumber(port), spoken];
    }),
  );
}

/** What was in a capture. */
export function seenText({ packets, useless, conversations }: Dissector, pdus: number): string {
  const counts = [...useless].map(([why, n]) => `${n} ${why}`);
  const other = conversations.foreign > 0 ? `, ${conversations.foreign} of them of other protocols` : '';
  const left = counts.length > 0 ? `; left out: ${counts.join(', ')}` : '';
  return `${packets} packets, ${conversations.opened} connections${other}, ${pdus} PDUs${left}`;
}

/** A file that ends early, is none, or cannot be opened, as something to complain about; anything else as it is. */
export function unreadable(file: string, fault: unknown): unknown {
  if (fault instanceof CaptureFault) return new Complaint(`${file}: ${fault.message}`);
  const system = (fault as NodeJS.ErrnoException).code;
  return system === undefined ? fault : new Complaint(`${file}: cannot be read: ${system}`);
}
