/** A Status of Login_Resp, Submit_Resp or Deliver_Resp: 32 bits, since vendors have codes such as 8200 (deviation 7). */
export interface Status {
  readonly code: number;
  readonly name: string;
  readonly sentence: string;
}

/** 3.0.3: 7.1. */
const statuses: readonly (readonly [number, string, string])[] = [
  [0, 'OK', 'Done.'],
  [1, 'BUSY', 'The system is busy (系统忙).'],
  [2, 'TOO_MANY_CONNECTIONS', 'More connections than allowed (超过最大连接数).'],
  [10, 'BAD_STRUCTURE', 'Message structure wrong (消息结构错).'],
  [11, 'BAD_COMMAND', 'Request id wrong (命令字错).'],
  [12, 'DUPLICATE_SEQUENCE', 'SequenceID used before (序列号重复).'],
  [20, 'BAD_ADDRESS', 'This IP address is not allowed (IP地址错).'],
  [21, 'AUTH_FAILED', 'Unknown ClientID, wrong shared secret or wrong clock (认证错).'],
  [22, 'VERSION_TOO_HIGH', 'The gateway speaks a lower version (版本太高).'],
  [30, 'BAD_MSG_TYPE', 'MsgType wrong.'],
  [31, 'BAD_PRIORITY', 'Priority wrong.'],
  [32, 'BAD_FEE_TYPE', 'FeeType wrong.'],
  [33, 'BAD_FEE_CODE', 'FeeCode wrong.'],
  [34, 'BAD_MSG_FORMAT', 'MsgFormat wrong.'],
  [35, 'BAD_TIME', 'The format of a time is wrong.'],
  [36, 'BAD_MSG_LENGTH', 'MsgLength wrong.'],
  [37, 'EXPIRED', 'The validity of the message is over.'],
  [38, 'BAD_QUERY_TYPE', 'QueryType wrong.'],
  [39, 'ROUTE_ERROR', 'Routing failed (路由错误).'],
  [40, 'BAD_FIXED_FEE', 'FixedFee wrong.'],
  [41, 'BAD_UPDATE_TYPE', 'UpdateType wrong.'],
  [42, 'BAD_ROUTE_ID', 'RouteId wrong.'],
  [43, 'BAD_SERVICE_ID', 'ServiceId wrong.'],
  [44, 'BAD_VALID_TIME', 'ValidTime wrong.'],
  [45, 'BAD_AT_TIME', 'AtTime wrong.'],
  [46, 'BAD_SRC_TERM_ID', 'SrcTermId wrong.'],
  [47, 'BAD_DEST_TERM_ID', 'DestTermId wrong.'],
  [48, 'BAD_CHARGE_TERM_ID', 'ChargeTermId wrong.'],
  [49, 'BAD_SP_CODE', 'SP code wrong.'],
  [56, 'BAD_SOURCE_GATEWAY', 'Source gateway wrong.'],
  [57, 'BAD_QUERY_NUMBER', 'Query number wrong.'],
  [58, 'NO_ROUTE', 'No route matches.'],
  [59, 'BAD_SP_TYPE', 'SPType wrong.'],
  [60, 'BAD_LAST_ROUTE_ID', 'Last route id wrong.'],
  [61, 'BAD_ROUTE_TYPE', 'RouteType wrong.'],
  [62, 'BAD_DEST_GATEWAY', 'Destination gateway id wrong.'],
  [63, 'BAD_DEST_GATEWAY_IP', 'Destination gateway IP wrong.'],
  [64, 'BAD_DEST_GATEWAY_PORT', 'Destination gateway port wrong.'],
  [65, 'BAD_TERM_RANGE_ID', 'TermRangeID wrong.'],
  [66, 'BAD_PROVINCE_CODE', 'Province code wrong.'],
  [67, 'BAD_USER_TYPE', 'User type wrong.'],
  [68, 'NO_ROUTE_UPDATE', 'Route update unsupported.'],
  [69, 'BAD_SP_ID', 'SPID wrong (企业代码错).'],
  [70, 'BAD_SP_ACCESS_TYPE', 'SPAccessType wrong.'],
  [71, 'ROUTE_UPDATE_FAILED', 'Route update failed.'],
  [72, 'BAD_TIMESTAMP', 'Time stamp wrong.'],
  [73, 'BAD_MSERVICE_ID', 'MServiceID wrong.'],
  [74, 'NOT_AT_THIS_TIME', 'The SP may not send at this time.'],
  [75, 'OVER_DAILY_VOLUME', 'The SP has sent all that it may on one day.'],
  [76, 'ACCOUNT_EXPIRED', 'The account of the SP has expired.'],
];
const byCode: ReadonlyMap<number, Status> = new Map(
  statuses.map(([code, name, sentence]) => [code, { code, name, sentence }]),
);

/** A Status by its code; never undefined. */
export function statusOf(code: number): Status {
  const sentence = code >= 128 ? 'Error of this gateway vendor; see its manual.' : 'Other error.';
  return byCode.get(code) ?? { code, name: `STATUS_${code}`, sentence };
}

/** Codes that we give as a server or act on as a client, by name. */
export const STATUS = {
  OK: 0,
  BUSY: 1,
  TOO_MANY_CONNECTIONS: 2,
  BAD_STRUCTURE: 10,
  BAD_COMMAND: 11,
  DUPLICATE_SEQUENCE: 12,
  BAD_ADDRESS: 20,
  AUTH_FAILED: 21,
  VERSION_TOO_HIGH: 22,
  BAD_MSG_LENGTH: 36,
  EXPIRED: 37,
  ROUTE_ERROR: 39,
  BAD_AT_TIME: 45,
  BAD_SRC_TERM_ID: 46,
  BAD_DEST_TERM_ID: 47,
  NO_ROUTE: 58,
  ACCOUNT_EXPIRED: 76,
} as const;
