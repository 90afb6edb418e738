/**
 * Types of the `smpp` package (0.5.1), which brings none. It is the peer of the interoperability tests only. Import its
 * default, `import smpp from 'smpp'`: Node cannot see all its names. Its `ASCII` is GSM 03.38.
 *
 * Known about it: attach an `error` listener that destroys the session before anything else (without one a bad frame
 * ends the process, with one that does not destroy the link goes deaf); give messages as Buffers; requests have no
 * timeout; enquire_link and unbind are not answered by themselves.
 */
declare module 'smpp' {
  import type { EventEmitter } from 'node:events';
  import type { Server as NetServer, Socket } from 'node:net';
  import type { TlsOptions } from 'node:tls';

  /** Field values by the specification's names; text fields as strings, message fields as Buffers or `{ message, udh }`. */
  type Fields = Record<string, unknown>;

  interface Message {
    message: string | Buffer;
    udh?: Buffer | Buffer[];
  }

  class PDU {
    constructor(command: string, fields?: Fields);
    constructor(frame: Buffer);
    static maxLength: number;
    static fromBuffer(frame: Buffer): PDU | false;
    /** `unknown` for a command_id in no table. */
    command: string;
    command_length: number;
    command_id: number;
    command_status: number;
    sequence_number: number;
    isResponse(): boolean;
    /** The answer to this request; generic_nack to an unknown one. */
    response(fields?: Fields): PDU;
    toBuffer(): Buffer;

    // Fields of the commands that tests read most. A PDU has those that its frame had.
    system_id: string;
    password: string;
    system_type: string;
    interface_version: number;
    service_type: string;
    source_addr_ton: number;
    source_addr_npi: number;
    source_addr: string;
    dest_addr_ton: number;
    dest_addr_npi: number;
    destination_addr: string;
    esm_class: number;
    protocol_id: number;
    priority_flag: number;
    registered_delivery: number;
    data_coding: number;
    schedule_delivery_time: unknown;
    validity_period: unknown;
    message_id: string;
    message_state: number;
    final_date: unknown;
    error_code: number;
    /** `{ message, udh }` with the package's own filters, a Buffer without them. */
    short_message: Message & Buffer;
    message_payload: (Message & Buffer) | undefined;
    receipted_message_id: string | undefined;
    sar_msg_ref_num: number | undefined;
    sar_total_segments: number | undefined;
    sar_segment_seqnum: number | undefined;
    user_message_reference: number | undefined;
    network_error_code: Buffer | undefined;
    sc_interface_version: number | undefined;
    /** Any other field or optional parameter; one of an unknown tag under its number. */
    [field: string]: unknown;
  }

  type OnPdu = (pdu: PDU) => void;
  /** Sends a request. False: the socket is not writable and the callbacks will not be called. */
  type Command = (fields?: Fields, onResponse?: OnPdu, onSent?: OnPdu) => boolean;

  interface SessionOptions {
    host?: string;
    port?: number;
    url?: string;
    tls?: boolean;
    auto_enquire_link_period?: number;
    socket?: Socket;
    ca?: string | Buffer;
    key?: string | Buffer;
    cert?: string | Buffer;
    servername?: string;
    rejectUnauthorized?: boolean;
  }

  /** Events: `connect`, `secureConnect`, `pdu`, each command's name, `unknown`, `send`, `error`, `close`. */
  class Session extends EventEmitter {
    constructor(options: SessionOptions);
    readonly socket: Socket;
    sequence: number;
    paused: boolean;
    send(pdu: PDU, onResponse?: OnPdu, onSent?: OnPdu): boolean;
    pause(): void;
    resume(): void;
    close(onClosed?: () => void): void;
    destroy(onClosed?: () => void): void;
    bind_receiver: Command;
    bind_transmitter: Command;
    bind_transceiver: Command;
    unbind: Command;
    outbind: Command;
    enquire_link: Command;
    generic_nack: Command;
    submit_sm: Command;
    submit_multi: Command;
    deliver_sm: Command;
    data_sm: Command;
    query_sm: Command;
    cancel_sm: Command;
    replace_sm: Command;
    alert_notification: Command;
  }

  interface Server extends NetServer {
    readonly sessions: Session[];
  }

  interface Type {
    read(buffer: Buffer, offset: number, length?: number): unknown;
    write(value: unknown, buffer: Buffer, offset: number): void;
    size(value: unknown): number;
    default: unknown;
  }
  interface Filter {
    encode(value: unknown): unknown;
    decode(value: unknown): unknown;
  }
  interface ParamDefinition {
    type: Type;
    default?: unknown;
    filter?: Filter;
  }
  interface CommandDefinition {
    id: number;
    command: string;
    params?: Record<string, ParamDefinition>;
    tlvMap?: Record<string, string>;
  }
  interface TlvDefinition {
    id: number;
    tag: string;
    type: Type;
    filter?: Filter;
    multiple?: boolean;
  }
  interface Encoding {
    match(value: string): boolean;
    encode(value: string): Buffer;
    decode(value: Buffer): string;
  }

  function createServer(onSession: (session: Session) => void): Server;
  function createServer(options: TlsOptions, onSession: (session: Session) => void): Server;
  function connect(options: string | SessionOptions, onConnect?: () => void): Session;
  function addCommand(command: string, definition: { id: number; params?: Record<string, ParamDefinition> }): void;
  function addTLV(tag: string, definition: { id: number; type: Type; filter?: Filter; multiple?: boolean }): void;

  const commands: Record<string, CommandDefinition>;
  const commandsById: Record<number, CommandDefinition>;
  const tlvs: Record<string, TlvDefinition>;
  const tlvsById: Record<number, TlvDefinition>;
  const errors: Record<string, number>;
  const consts: Record<string, Record<string, number>>;
  const encodings: Record<'ASCII' | 'LATIN1' | 'UCS2', Encoding> & {
    detect(value: string): string | false;
    default: string;
  };
  const filters: Record<string, Filter>;
  const types: Record<string, Type> & { tlv: Record<string, Type> };

  export {
    addCommand,
    addTLV,
    type Command,
    commands,
    commandsById,
    connect,
    consts,
    createServer,
    encodings,
    errors,
    type Fields,
    filters,
    type Message,
    PDU,
    type Server,
    Session,
    type SessionOptions,
    type Type,
    tlvs,
    tlvsById,
    types,
  };
}
