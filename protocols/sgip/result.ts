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

/**
 * Result of the answers (0 to 20) and ErrorCode of Report (21 to 33) as 1.2 has them, and what 1.3 adds in its tables
 * and in its appendix. One octet, one table.
 */
const results: readonly (readonly [number, string, ResultClass, string])[] = [
  [0, 'OK', 'ok', 'Taken.'],
  [1, 'BAD_LOGIN', 'session', 'Login name or password wrong (非法登录).'],
  [2, 'LOGGED_IN_ALREADY', 'session', 'A second login on one connection (重复登录).'],
  [3, 'TOO_MANY_CONNECTIONS', 'session', 'Too many connections (连接过多); 1.3: more than 60.'],
  [4, 'BAD_LOGIN_TYPE', 'session', 'Login type wrong (登录类型错).'],
  [5, 'BAD_PARAMETER', 'hard', 'A parameter has the wrong form (参数格式错).'],
  [6, 'BAD_NUMBER', 'hard', "No number of this network, or without 86; 1.3: the payer's or the user's (非法手机号码)."],
  [7, 'BAD_COMMAND', 'hard', 'Command ID wrong, or not served here (消息ID错).'],
  [8, 'BAD_LENGTH', 'hard', 'Message length wrong (信息长度错).'],
  // The gateway takes us for one who repeats: the message itself may go again, under another sequence.
  [9, 'BAD_SEQUENCE', 'soft', 'Sequence number used before or malformed (非法序列号).'],
  [10, 'BAD_GNS_OPERATION', 'hard', 'An operation on a routing server that is not allowed (非法操作GNS).'],
  [11, 'NODE_BUSY', 'throttle', 'The node is busy, send slower (节点忙).'],
  [13, 'SERVICE_NOT_ASSIGNED', 'hard', '1.3: the service code was not assigned.'],
  [14, 'BAD_FEE', 'hard', '1.3: the fee is wrong.'],
  [17, 'BAD_LINK_ID', 'hard', '1.3: LinkID does not match.'],
  [18, 'NOT_SUBSCRIBED', 'hard', '1.3: the user has not subscribed.'],
  [19, 'USER_COUNT_NOT_ONE', 'hard', '1.3: a charged message may go to one user only.'],
  [21, 'UNREACHABLE', 'soft', 'The destination cannot be reached (目的地址不可达).'],
  [22, 'BAD_ROUTE', 'soft', 'Route wrong (路由错).'],
  [23, 'NO_ROUTE', 'hard', 'There is no route (路由不存在).'],
  [24, 'BAD_CHARGE_NUMBER', 'hard', 'The number to be charged is invalid (计费号码无效).'],
  [25, 'USER_ABSENT', 'soft', 'The phone is off or out of area (用户不能通信).'],
  [26, 'MEMORY_FULL', 'soft', "The phone's memory is full (手机内存不足)."],
  [27, 'NO_SMS', 'hard', 'The phone takes no short messages (手机不支持短消息).'],
  [28, 'RECEIVE_ERROR', 'soft', 'The phone had an error on receiving (手机接收出错).'],
  [29, 'UNKNOWN_USER', 'hard', 'Unknown user (不知道的用户).'],
  [30, 'NOT_PROVIDED', 'hard', 'The function is not provided (不提供此功能).'],
  [31, 'BAD_DEVICE', 'hard', 'Illegal device (非法设备).'],
  [32, 'SYSTEM_FAILURE', 'soft', 'System failure (系统失败); 1.3: format of the packet wrong, or LinkID missing.'],
  [33, 'QUEUE_FULL', 'throttle', "The message centre's queue is full (短信中心队列满); 1.3: over the flow limit."],
  [34, 'TOO_MANY_LOGINS', 'session', '1.3: logins too frequent; its appendix: charging by the network failed.'],
  [38, 'OVER_COUNT', 'hard', '1.3: more messages than the limit.'],
  [39, 'THIRD_PARTY_PAYS', 'hard', '1.3: payment by a third party is not allowed.'],
  [40, 'PREPAID_BLOCKED', 'hard', '1.3: MorelatetoMTFlag 3 is not allowed; its appendix: prepaid user blocked.'],
  [43, 'UNKNOWN_WEB_COMMAND', 'hard', '1.3: a command of the web that is not known.'],
  [44, 'NOTICE_INTERCEPTED', 'hard', '1.3: the notice was intercepted.'],
  [50, 'ILLEGAL_CONTENT', 'hard', '1.3, appendix: the content is not allowed.'],
  [51, 'NOT_CONNECTED', 'soft', '1.3, appendix: not connected.'],
  [52, 'NOT_LOGGED_IN', 'session', '1.3, appendix: not logged in.'],
  [53, 'SEND_FAILED', 'soft', '1.3, appendix: sending failed.'],
  [54, 'RESPONSE_TIMEOUT', 'soft', '1.3, appendix: no response in time.'],
  [55, 'REPORT_TIMEOUT', 'soft', '1.3, appendix: no report in time.'],
  [56, 'BAD_USER_STATE', 'hard', "1.3, appendix: the user's state does not allow it."],
  [61, 'VALIDITY_EXPIRED', 'hard', '1.3, appendix: the time limit has passed.'],
  [62, 'SCHEDULE_EXPIRED', 'hard', '1.3, appendix: the scheduled time has passed.'],
  [63, 'BAD_FEE_TYPE', 'hard', '1.3, appendix: FeeType wrong.'],
  [64, 'ADDRESS_CHECK', 'hard', '1.3, appendix: an address failed its check.'],
  [65, 'ADDRESS_CHECK', 'hard', '1.3, appendix: an address failed its check.'],
  [66, 'ADDRESS_CHECK', 'hard', "1.3, appendix: an address failed its check, or the phone's memory is full."],
  [67, 'ADDRESS_CHECK', 'hard', '1.3, appendix: an address failed its check.'],
  [68, 'USER_NOT_AUTHORISED', 'hard', '1.3, appendix: the user failed its authorisation.'],
  [69, 'BLACKLISTED', 'hard', '1.3, appendix: the number is on a blacklist.'],
  [70, 'LINK_DOWN', 'soft', '1.3, appendix: a link is down.'],
  [71, 'TOO_MANY_NODES', 'hard', '1.3, appendix: passed too many nodes.'],
  [72, 'NO_ROUTE_FOUND', 'hard', '1.3, appendix: there is no route.'],
  [73, 'ANSWER_TIMEOUT', 'soft', '1.3, appendix: no answer in time.'],
  [74, 'SCP', 'soft', '1.3, appendix: an error of the charging platform.'],
  [75, 'SCP', 'soft', '1.3, appendix: an error of the charging platform.'],
  [76, 'CONTENT_BLOCKED', 'hard', '1.3, appendix: stopped for its content.'],
  [77, 'TOO_MANY_SUBMITS', 'soft', '1.3, appendix: too many submits.'],
  [78, 'BAD_SP_ID', 'hard', '1.3, appendix: SP id.'],
  [79, 'BAD_SERVICE_CODE', 'hard', '1.3, appendix: service code.'],
  [80, 'BAD_CP_CODE', 'hard', '1.3, appendix: CP code.'],
  [82, 'LOOP', 'hard', '1.3, appendix: the message goes round in a loop.'],
  [83, 'OVER_MTU', 'hard', '1.3, appendix: the packet is too large.'],
  [84, 'DSMP', 'hard', '1.3, appendix: refused by the subscription platform.'],
  [85, 'DSMP', 'hard', '1.3, appendix: refused by the subscription platform.'],
  [86, 'DSMP', 'hard', '1.3, appendix: refused by the subscription platform.'],
  [87, 'DSMP', 'hard', '1.3, appendix: refused by the subscription platform.'],
  [88, 'FLOW_CONTROL', 'throttle', '1.3, appendix: too many at once, send slower (流量控制).'],
  [95, 'MONTHLY_NOT_ALLOWED', 'hard', '1.3: the record of a monthly fee is not allowed.'],
  [101, 'SP_NUMBER_REFUSED', 'hard', '1.3, appendix: authorisation: SPNumber.'],
  [102, 'SP_NUMBER_REFUSED', 'hard', '1.3, appendix: authorisation: SPNumber.'],
  [103, 'SERVICE_NOT_ALLOWED', 'hard', '1.3, appendix: authorisation: service code.'],
  [104, 'FEE_REFUSED', 'hard', '1.3, appendix: authorisation: fee.'],
  [105, 'FEE_REFUSED', 'hard', '1.3, appendix: authorisation: fee.'],
  [106, 'NO_SUBSCRIPTION', 'hard', '1.3, appendix: authorisation: the user has not subscribed.'],
  [107, 'LINK_ID_REFUSED', 'hard', '1.3, appendix: authorisation: LinkID.'],
  [108, 'STOPPED', 'hard', '1.3, appendix: authorisation: stopped.'],
  [109, 'CHARGE_NUMBER_REFUSED', 'hard', '1.3, appendix: authorisation: number to be charged.'],
  [110, 'USER_BLACKLISTED', 'hard', '1.3, appendix: authorisation: blacklist.'],
  [111, 'AUTHORISATION_TIMEOUT', 'soft', '1.3, appendix: authorisation: no answer in time.'],
  [112, 'AUTHORISATION_TIMEOUT', 'soft', '1.3, appendix: authorisation: no answer in time; printed twice.'],
  [114, 'USER_COUNT_REFUSED', 'hard', '1.3, appendix: authorisation: UserCount must be 1.'],
  [115, 'FLAG_REFUSED', 'hard', '1.3, appendix: authorisation: MorelatetoMTFlag 3.'],
  [123, 'REPEATED', 'hard', '1.3, appendix: authorisation: repeated.'],
  [124, 'REPEATED', 'hard', '1.3, appendix: authorisation: repeated.'],
  [182, 'DAILY_LIMIT', 'hard', '1.3, appendix: over the limit of the day.'],
];

const byCode: ReadonlyMap<number, Result> = new Map(
  results.map(([code, name, kind, sentence]) => [code, { code, name, class: kind, sentence }]),
);

/** A Result or ErrorCode; never undefined. What is in no table is `soft`: it may be temporary, and retries are bounded. */
export function sgipResult(code: number): Result {
  return byCode.get(code) ?? { code, name: `CODE_${code}`, class: 'soft', sentence: "Error of this gateway's vendor." };
}

/**
 * The octet that integrators' tables print as a signed number: `SGIP:-17` is 239, and what the wire carries is unsigned.
 * Undefined where it is no octet either way.
 */
export function resultOctet(printed: number): number | undefined {
  return Number.isInteger(printed) && printed >= -128 && printed <= 255 ? printed & 0xff : undefined;
}

/** Codes that we give as a server, by name. */
export const RESULT = {
  OK: 0,
  BAD_LOGIN: 1,
  LOGGED_IN_ALREADY: 2,
  TOO_MANY_CONNECTIONS: 3,
  BAD_LOGIN_TYPE: 4,
  BAD_PARAMETER: 5,
  BAD_NUMBER: 6,
  BAD_COMMAND: 7,
  BAD_LENGTH: 8,
  BAD_SEQUENCE: 9,
  NODE_BUSY: 11,
  UNREACHABLE: 21,
  NO_ROUTE: 23,
  USER_ABSENT: 25,
  SYSTEM_FAILURE: 32,
  QUEUE_FULL: 33,
  LOOP: 82,
  FLOW_CONTROL: 88,
  MONTHLY_NOT_ALLOWED: 95,
} as const;
