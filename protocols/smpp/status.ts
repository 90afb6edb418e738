/**
 * What a status means for the message that got it: `hard` never try again, `soft` try again with patience, `throttle`
 * slow the whole bind down and repeat, `session` the fault is the bind's and not the message's.
 */
export type StatusClass = 'ok' | 'hard' | 'soft' | 'throttle' | 'session';

export interface Status {
  readonly code: number;
  readonly name: `ESME_${string}`;
  readonly class: StatusClass;
  readonly sentence: string;
}

const table: readonly Status[] = [
  { code: 0x00, name: 'ESME_ROK', class: 'ok', sentence: 'No error.' },
  { code: 0x01, name: 'ESME_RINVMSGLEN', class: 'hard', sentence: 'sm_length does not fit the message.' },
  {
    code: 0x02,
    name: 'ESME_RINVCMDLEN',
    class: 'hard',
    sentence: 'command_length does not fit the PDU, or its body ends early.',
  },
  { code: 0x03, name: 'ESME_RINVCMDID', class: 'hard', sentence: 'Unknown command_id.' },
  { code: 0x04, name: 'ESME_RINVBNDSTS', class: 'session', sentence: 'The command is not allowed in this bind state.' },
  { code: 0x05, name: 'ESME_RALYBND', class: 'session', sentence: 'Already bound.' },
  { code: 0x06, name: 'ESME_RINVPRTFLG', class: 'hard', sentence: 'Invalid priority_flag.' },
  { code: 0x07, name: 'ESME_RINVREGDLVFLG', class: 'hard', sentence: 'Invalid registered_delivery.' },
  { code: 0x08, name: 'ESME_RSYSERR', class: 'soft', sentence: 'System error of the peer.' },
  { code: 0x0a, name: 'ESME_RINVSRCADR', class: 'hard', sentence: 'Invalid source address.' },
  { code: 0x0b, name: 'ESME_RINVDSTADR', class: 'hard', sentence: 'Invalid destination address.' },
  { code: 0x0c, name: 'ESME_RINVMSGID', class: 'hard', sentence: 'Invalid message_id.' },
  { code: 0x0d, name: 'ESME_RBINDFAIL', class: 'session', sentence: 'Bind failed.' },
  { code: 0x0e, name: 'ESME_RINVPASWD', class: 'session', sentence: 'Invalid password.' },
  { code: 0x0f, name: 'ESME_RINVSYSID', class: 'session', sentence: 'Invalid system_id.' },
  { code: 0x11, name: 'ESME_RCANCELFAIL', class: 'hard', sentence: 'cancel_sm failed.' },
  { code: 0x13, name: 'ESME_RREPLACEFAIL', class: 'hard', sentence: 'replace_sm failed.' },
  { code: 0x14, name: 'ESME_RMSGQFUL', class: 'throttle', sentence: 'Message queue full.' },
  { code: 0x15, name: 'ESME_RINVSERTYP', class: 'hard', sentence: 'Invalid service_type.' },
  { code: 0x33, name: 'ESME_RINVNUMDESTS', class: 'hard', sentence: 'Invalid number_of_dests.' },
  { code: 0x34, name: 'ESME_RINVDLNAME', class: 'hard', sentence: 'Invalid distribution list name.' },
  { code: 0x40, name: 'ESME_RINVDESTFLAG', class: 'hard', sentence: 'Invalid dest_flag.' },
  { code: 0x42, name: 'ESME_RINVSUBREP', class: 'hard', sentence: 'Submit with replace is not supported or invalid.' },
  {
    code: 0x43,
    name: 'ESME_RINVESMCLASS',
    class: 'hard',
    sentence: 'Invalid esm_class, or a user data header that does not parse.',
  },
  { code: 0x44, name: 'ESME_RCNTSUBDL', class: 'hard', sentence: 'Cannot submit to a distribution list.' },
  { code: 0x45, name: 'ESME_RSUBMITFAIL', class: 'soft', sentence: 'Submit failed.' },
  { code: 0x48, name: 'ESME_RINVSRCTON', class: 'hard', sentence: 'Invalid source_addr_ton.' },
  { code: 0x49, name: 'ESME_RINVSRCNPI', class: 'hard', sentence: 'Invalid source_addr_npi.' },
  { code: 0x50, name: 'ESME_RINVDSTTON', class: 'hard', sentence: 'Invalid dest_addr_ton.' },
  { code: 0x51, name: 'ESME_RINVDSTNPI', class: 'hard', sentence: 'Invalid dest_addr_npi.' },
  { code: 0x53, name: 'ESME_RINVSYSTYP', class: 'session', sentence: 'Invalid system_type.' },
  { code: 0x54, name: 'ESME_RINVREPFLAG', class: 'hard', sentence: 'Invalid replace_if_present_flag.' },
  { code: 0x55, name: 'ESME_RINVNUMMSGS', class: 'hard', sentence: 'Invalid number of messages.' },
  { code: 0x58, name: 'ESME_RTHROTTLED', class: 'throttle', sentence: 'Rate limit exceeded.' },
  { code: 0x61, name: 'ESME_RINVSCHED', class: 'hard', sentence: 'Invalid schedule_delivery_time.' },
  { code: 0x62, name: 'ESME_RINVEXPIRY', class: 'hard', sentence: 'Invalid validity_period.' },
  { code: 0x63, name: 'ESME_RINVDFTMSGID', class: 'hard', sentence: 'Invalid sm_default_msg_id.' },
  { code: 0x64, name: 'ESME_RX_T_APPN', class: 'soft', sentence: 'Receiver: temporary error, try again.' },
  { code: 0x65, name: 'ESME_RX_P_APPN', class: 'hard', sentence: 'Receiver: permanent error.' },
  { code: 0x66, name: 'ESME_RX_R_APPN', class: 'hard', sentence: 'Receiver: message rejected.' },
  { code: 0x67, name: 'ESME_RQUERYFAIL', class: 'hard', sentence: 'query_sm failed.' },
  { code: 0xc0, name: 'ESME_RINVOPTPARSTREAM', class: 'hard', sentence: 'Optional parameters do not fit the PDU.' },
  { code: 0xc1, name: 'ESME_ROPTPARNOTALLWD', class: 'hard', sentence: 'Optional parameter not allowed.' },
  { code: 0xc2, name: 'ESME_RINVPARLEN', class: 'hard', sentence: 'Optional parameter of invalid length.' },
  { code: 0xc3, name: 'ESME_RMISSINGOPTPARAM', class: 'hard', sentence: 'Expected optional parameter missing.' },
  { code: 0xc4, name: 'ESME_RINVOPTPARAMVAL', class: 'hard', sentence: 'Invalid value of an optional parameter.' },
  { code: 0xfe, name: 'ESME_RDELIVERYFAILURE', class: 'soft', sentence: 'Delivery failed.' },
  { code: 0xff, name: 'ESME_RUNKNOWNERR', class: 'soft', sentence: 'Unknown error.' },
  { code: 0x100, name: 'ESME_RSERTYPUNAUTH', class: 'hard', sentence: 'Not authorised to use this service_type.' },
  { code: 0x101, name: 'ESME_RPROHIBITED', class: 'hard', sentence: 'Not authorised to use this command.' },
  { code: 0x102, name: 'ESME_RSERTYPUNAVAIL', class: 'hard', sentence: 'service_type is not available.' },
  { code: 0x103, name: 'ESME_RSERTYPDENIED', class: 'hard', sentence: 'service_type is denied.' },
  { code: 0x104, name: 'ESME_RINVDCS', class: 'hard', sentence: 'Invalid data_coding.' },
  { code: 0x105, name: 'ESME_RINVSRCADDRSUBUNIT', class: 'hard', sentence: 'Invalid source_addr_subunit.' },
  { code: 0x106, name: 'ESME_RINVDSTADDRSUBUNIT', class: 'hard', sentence: 'Invalid dest_addr_subunit.' },
  { code: 0x107, name: 'ESME_RINVBCASTFREQINT', class: 'hard', sentence: 'Invalid broadcast_frequency_interval.' },
  { code: 0x108, name: 'ESME_RINVBCASTALIAS_NAME', class: 'hard', sentence: 'Invalid broadcast alias name.' },
  { code: 0x109, name: 'ESME_RINVBCASTAREAFMT', class: 'hard', sentence: 'Invalid broadcast area format.' },
  { code: 0x10a, name: 'ESME_RINVNUMBCAST_AREAS', class: 'hard', sentence: 'Invalid number of broadcast areas.' },
  { code: 0x10b, name: 'ESME_RINVBCASTCNTTYPE', class: 'hard', sentence: 'Invalid broadcast_content_type.' },
  { code: 0x10c, name: 'ESME_RINVBCASTMSGCLASS', class: 'hard', sentence: 'Invalid broadcast_message_class.' },
  { code: 0x10d, name: 'ESME_RBCASTFAIL', class: 'hard', sentence: 'broadcast_sm failed.' },
  { code: 0x10e, name: 'ESME_RBCASTQUERYFAIL', class: 'hard', sentence: 'query_broadcast_sm failed.' },
  { code: 0x10f, name: 'ESME_RBCASTCANCELFAIL', class: 'hard', sentence: 'cancel_broadcast_sm failed.' },
  { code: 0x110, name: 'ESME_RINVBCAST_REP', class: 'hard', sentence: 'Invalid broadcast_rep_num.' },
  { code: 0x111, name: 'ESME_RINVBCASTSRVGRP', class: 'hard', sentence: 'Invalid broadcast_service_group.' },
  { code: 0x112, name: 'ESME_RINVBCASTCHANIND', class: 'hard', sentence: 'Invalid broadcast_channel_indicator.' },
];

const byCode: ReadonlyMap<number, Status> = new Map(table.map((status) => [status.code, status]));
const byName: ReadonlyMap<string, Status> = new Map(table.map((status) => [status.name, status]));

const hex = (code: number): string => `0x${code.toString(16).toUpperCase().padStart(8, '0')}`;

/** Row of a command_status (3.4: 5.1.3, 5.0: 4.7.6). A code in no table is `soft`: vendors use 0x400-0x4ff and others. */
export function status(code: number): Status {
  return (
    byCode.get(code) ?? {
      code,
      name: `ESME_${hex(code)}`,
      class: 'soft',
      sentence:
        code >= 0x400 && code <= 0x4ff ? 'Error of this SMSC vendor; see its manual.' : 'Status in no table of SMPP.',
    }
  );
}

/** `ESME_RTHROTTLED`, or `0x00000401` for a code in no table. */
export function statusName(code: number): string {
  return byCode.get(code)?.name ?? hex(code);
}

/** Code of a name, with or without `ESME_`, in any case; undefined where there is none. For configuration. */
export function statusCode(name: string): number | undefined {
  const upper = name.toUpperCase();
  return (byName.get(upper) ?? byName.get(`ESME_${upper}`))?.code;
}

/** Statuses that the gateway itself gives, by name. */
export const ESME = {
  ROK: 0x00,
  RINVMSGLEN: 0x01,
  RINVCMDLEN: 0x02,
  RINVCMDID: 0x03,
  RINVBNDSTS: 0x04,
  RALYBND: 0x05,
  RINVPRTFLG: 0x06,
  RINVREGDLVFLG: 0x07,
  RSYSERR: 0x08,
  RINVSRCADR: 0x0a,
  RINVDSTADR: 0x0b,
  RINVMSGID: 0x0c,
  RBINDFAIL: 0x0d,
  RINVPASWD: 0x0e,
  RINVSYSID: 0x0f,
  RCANCELFAIL: 0x11,
  RREPLACEFAIL: 0x13,
  RMSGQFUL: 0x14,
  RINVSERTYP: 0x15,
  RINVNUMDESTS: 0x33,
  RINVDLNAME: 0x34,
  RINVDESTFLAG: 0x40,
  RINVESMCLASS: 0x43,
  RSUBMITFAIL: 0x45,
  RINVSYSTYP: 0x53,
  RTHROTTLED: 0x58,
  RINVSCHED: 0x61,
  RINVEXPIRY: 0x62,
  RX_T_APPN: 0x64,
  RX_P_APPN: 0x65,
  RX_R_APPN: 0x66,
  RQUERYFAIL: 0x67,
  RINVOPTPARSTREAM: 0xc0,
  ROPTPARNOTALLWD: 0xc1,
  RINVPARLEN: 0xc2,
  RMISSINGOPTPARAM: 0xc3,
  RINVOPTPARAMVAL: 0xc4,
  RDELIVERYFAILURE: 0xfe,
  RUNKNOWNERR: 0xff,
  RBCASTFAIL: 0x10d,
  RBCASTQUERYFAIL: 0x10e,
  RBCASTCANCELFAIL: 0x10f,
} as const;
