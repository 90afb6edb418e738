import { CMPP_20, CMPP_21 } from './tables.ts';

/**
 * What a code means for the message that got it: `hard` never try again, `soft` try again with patience, `throttle`
 * slow the whole connection down and repeat, `session` the fault is the login's and not a message's.
 */
export type ResultClass = 'ok' | 'hard' | 'soft' | 'throttle' | 'session';

export interface Result {
  readonly code: number;
  readonly name: string;
  readonly class: ResultClass;
  readonly sentence: string;
}

/** Result of SUBMIT_RESP in 2.1 and 3.0; 2.0 knows 0 to 8, as do DELIVER_RESP and FWD_RESP. */
const results: readonly Result[] = [
  { code: 0, name: 'OK', class: 'ok', sentence: 'Accepted.' },
  { code: 1, name: 'BAD_STRUCTURE', class: 'hard', sentence: 'Message structure wrong (消息结构错).' },
  { code: 2, name: 'BAD_COMMAND', class: 'hard', sentence: 'Command_Id wrong (命令字错).' },
  // The gateway takes us for one who repeats: the message itself may go again, under another sequence.
  { code: 3, name: 'DUPLICATE_SEQUENCE', class: 'soft', sentence: 'Sequence_Id used before (消息序号重复).' },
  { code: 4, name: 'BAD_LENGTH', class: 'hard', sentence: 'Message length wrong (消息长度错).' },
  { code: 5, name: 'BAD_FEE_CODE', class: 'hard', sentence: 'FeeCode wrong (资费代码错).' },
  { code: 6, name: 'CONTENT_TOO_LONG', class: 'hard', sentence: 'Content longer than allowed (超过最大信息长).' },
  { code: 7, name: 'BAD_SERVICE_ID', class: 'hard', sentence: 'Service_Id wrong (业务代码错).' },
  { code: 8, name: 'FLOW_CONTROL', class: 'throttle', sentence: 'Too many at once, send slower (流量控制错).' },
  {
    code: 9,
    name: 'NOT_SERVED',
    class: 'hard',
    sentence: 'The gateway does not serve this charging number, as when it was ported (本网关不负责服务此计费号码).',
  },
  { code: 10, name: 'BAD_SRC_ID', class: 'hard', sentence: 'Src_Id wrong (Src_Id错误).' },
  { code: 11, name: 'BAD_MSG_SRC', class: 'hard', sentence: 'Msg_src wrong (Msg_src错误).' },
  { code: 12, name: 'BAD_FEE_TERMINAL_ID', class: 'hard', sentence: 'Fee_terminal_Id wrong (Fee_terminal_Id错误).' },
  { code: 13, name: 'BAD_DEST_TERMINAL_ID', class: 'hard', sentence: 'Dest_terminal_Id wrong (Dest_terminal_Id错误).' },
];

const connectStatuses: readonly Result[] = [
  { code: 0, name: 'OK', class: 'ok', sentence: 'Logged in.' },
  { code: 1, name: 'BAD_STRUCTURE', class: 'session', sentence: 'Message structure wrong (消息结构错).' },
  {
    code: 2,
    name: 'BAD_SOURCE_ADDR',
    class: 'session',
    sentence: 'Source_Addr or the IP address is not allowed (非法源地址).',
  },
  {
    code: 3,
    name: 'AUTH_FAILED',
    class: 'session',
    sentence: 'Unknown SP_Id, wrong shared secret or wrong clock (认证错).',
  },
  { code: 4, name: 'VERSION_TOO_HIGH', class: 'session', sentence: 'The gateway speaks a lower version (版本太高).' },
];

const byCode = (list: readonly Result[]): ReadonlyMap<number, Result> => new Map(list.map((r) => [r.code, r]));
const ofSubmit = byCode(results);
const ofConnect = byCode(connectStatuses);

/** What is in no table is `soft`: it may be temporary, and retries are bounded. */
const other = (code: number, name: string): Result => ({
  code,
  name: `${name}_${code}`,
  class: 'soft',
  sentence: code >= 100 && code <= 199 ? 'Error of this gateway vendor; see its manual.' : 'Other error (其他错误).',
});

/** A Result of SUBMIT_RESP; never undefined. 2.0 calls all from 9 on "other". */
export function submitResult(code: number, version: number): Result {
  const known = code > RESULT.FLOW_CONTROL && version < CMPP_21 ? undefined : ofSubmit.get(code);
  return known ?? other(code, 'RESULT');
}

/** A Result of DELIVER_RESP or FWD_RESP; never undefined. All from 9 on are "other" in every version. */
export function deliverResult(code: number): Result {
  return submitResult(code, CMPP_20);
}

/** A Status of CONNECT_RESP; never undefined. 5 and above are vendors': the likeliest is too many connections. */
export function connectStatus(code: number): Result {
  return ofConnect.get(code) ?? other(code, 'STATUS');
}

/** Codes that we give as a server, by name. */
export const RESULT = {
  OK: 0,
  BAD_STRUCTURE: 1,
  BAD_COMMAND: 2,
  DUPLICATE_SEQUENCE: 3,
  BAD_LENGTH: 4,
  BAD_FEE_CODE: 5,
  CONTENT_TOO_LONG: 6,
  BAD_SERVICE_ID: 7,
  FLOW_CONTROL: 8,
  OTHER: 9,
  BAD_SRC_ID: 10,
  BAD_DEST_TERMINAL_ID: 13,
} as const;
export const CONNECT_STATUS = {
  OK: 0,
  BAD_STRUCTURE: 1,
  BAD_SOURCE_ADDR: 2,
  AUTH_FAILED: 3,
  VERSION_TOO_HIGH: 4,
  OTHER: 5,
} as const;
