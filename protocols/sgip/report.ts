/** State of a Report (1.2: 4.11). */
export const REPORT_STATE = { SENT: 0, WAITING: 1, FAILED: 2 } as const;

/** What a Report says of the message, in the words of SMPP's message_state. */
export type ReportedState = 'DELIVERED' | 'ACCEPTED' | 'EXPIRED' | 'UNDELIVERABLE' | 'REJECTED' | 'UNKNOWN';

/** ErrorCodes (1.3's appendix) that tell more than "failed": validity over, no report came, refused for what it is. */
const TELLING: ReadonlyMap<number, ReportedState> = new Map([
  [55, 'UNKNOWN'],
  [61, 'EXPIRED'],
  [62, 'EXPIRED'],
  [50, 'REJECTED'],
  [69, 'REJECTED'],
  [76, 'REJECTED'],
  [110, 'REJECTED'],
]);

/** Waiting is no final state: another report follows. A State that the table does not have says that nothing is known. */
export function reportedState(state: number, errorCode: number): ReportedState {
  switch (state) {
    case REPORT_STATE.SENT:
      return 'DELIVERED';
    case REPORT_STATE.WAITING:
      return 'ACCEPTED';
    case REPORT_STATE.FAILED:
      return TELLING.get(errorCode) ?? 'UNDELIVERABLE';
    default:
      return 'UNKNOWN';
  }
}
