/** A frame as its protocol's `describe` gives it. */
export interface Description {
  readonly command: string;
  readonly sequence: unknown;
  /** Where the header has a status. */
  readonly status?: number;
  readonly statusName?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What must be known of a protocol to read its streams: data and pure functions, no state. */
export interface Wire {
  readonly name: string;
  /** Smallest and largest frame. */
  readonly frame: { readonly min: number; readonly max: number };
  /** The header: four octets of length, four of command, and these. */
  readonly headerOctets: number;
  readonly sequenceAt: number;
  readonly sequenceOctets: number;
  /** Ports on which it is usually met. */
  readonly ports: readonly number[];
  /** Versions as a person names them, the likeliest first. */
  readonly versions: Readonly<Record<string, number>>;
  /** Whether a command exists in any version. */
  knows(command: number): boolean;
  /** Whether the header is one that peers write: what tells a protocol that can read nearly anything from the others. */
  likely(frame: Buffer): boolean;
  /** Throws WireFault. */
  describe(frame: Buffer, version: number): Description;
  /** Version that a bind, or the answer to one, says is spoken from here on. */
  agreed(description: Description): number | undefined;
  /** A message id as people write it, in the forms that it may have on the wire; none where it is no id of the protocol. */
  idOctets(id: string): readonly Buffer[];
  /** Status of an answer by its name; '' for what has none. */
  statusName(description: Description, version: number): string;
}

/** Bit 31 of a command: an answer. The same in every protocol that we read. */
export const ANSWER = 0x80000000;

export const commandOf = (frame: Buffer): number => frame.readUInt32BE(4);

/** The octets of a sequence number, as a key. */
export function sequenceKey(wire: Wire, frame: Buffer): string {
  return frame.toString('latin1', wire.sequenceAt, wire.sequenceAt + wire.sequenceOctets);
}
