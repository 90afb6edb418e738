/** Why a frame, or a value, could not be read or written. The words are stable: tests, metrics and logs use them. */
export type WireReason =
  | 'length-too-small'
  | 'length-too-large'
  | 'truncated'
  | 'no-terminator'
  | 'counted-overrun'
  | 'tlv-overrun'
  | 'tlv-truncated'
  | 'tlv-too-many'
  | 'bad-choice'
  | 'trailing-octets'
  | 'value-too-long'
  | 'unknown-command';

/** A typed fault of one frame: names PDU, field and octet offset, so that a log line alone says what was wrong. */
export class WireFault extends Error {
  readonly reason: WireReason;
  readonly pdu: string;
  readonly field: string;
  readonly offset: number;

  constructor(reason: WireReason, pdu: string, field: string, offset: number) {
    super(`${pdu}${field === '' ? '' : `.${field}`}: ${reason} at octet ${offset}`);
    this.name = 'WireFault';
    this.reason = reason;
    this.pdu = pdu;
    this.field = field;
    this.offset = offset;
  }
}
