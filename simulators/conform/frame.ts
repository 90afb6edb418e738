/** Where a protocol's header has what a check looks at. */
export interface HeaderRule {
  readonly octets: number;
  readonly sequenceAt: number;
  readonly sequenceOctets: number;
  /** SMPP only. */
  readonly statusAt?: number;
}

/** Bit 31 of a command: an answer. */
export const ANSWER = 0x80000000;
export const answerTo = (command: number): number => (command | ANSWER) >>> 0;

/** A frame taken apart as far as every frame can be, right or wrong. */
export interface Frame {
  readonly octets: Buffer;
  readonly command: number;
  /** 0 where the header has none. */
  readonly status: number;
  /** Hexadecimal. */
  readonly sequence: string;
  readonly body: Buffer;
}

export function readFrame(rule: HeaderRule, octets: Buffer): Frame {
  return {
    octets,
    command: octets.readUInt32BE(4),
    status: rule.statusAt === undefined ? 0 : octets.readUInt32BE(rule.statusAt),
    sequence: octets.toString('hex', rule.sequenceAt, rule.sequenceAt + rule.sequenceOctets),
    body: octets.subarray(rule.octets),
  };
}

const NO_BODY = Buffer.alloc(0);

export function writeFrame(rule: HeaderRule, command: number, sequence: string, body: Buffer = NO_BODY): Buffer {
  const octets = Buffer.concat([Buffer.alloc(rule.octets), body]);
  octets.writeUInt32BE(octets.length, 0);
  octets.writeUInt32BE(command >>> 0, 4);
  octets.write(sequence, rule.sequenceAt, 'hex');
  return octets;
}
