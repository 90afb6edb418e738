import smpp from 'smpp';

/*
 * A platform on the `smpp` package: its PDU codec and its character tables are not ours. It books every submit by its
 * message_id and every receipt by the id it names, so that a test can say of each single message what became of it.
 */
smpp.PDU.maxLength = 70_000;
// The package's filters guess at texts; octets are compared here.
for (const command of ['submit_sm', 'deliver_sm']) delete smpp.commands[command]?.params?.short_message?.filter;
delete smpp.tlvs.message_payload?.filter;

export interface Submit {
  readonly destination: string;
  readonly dataCoding: number;
  /** With its user data header where `udhi`. */
  readonly octets: Buffer;
  readonly udhi?: boolean;
  /** Whole in message_payload. */
  readonly payload?: boolean;
  /** registered_delivery; default 1. */
  readonly registered?: number;
}

export interface Receipt {
  readonly at: number;
  readonly state: number;
}

/** A submit_sm and all that was heard of it. `unknown`: the link went before the answer. */
export interface Entry {
  readonly submit: Submit;
  state: 'waiting' | 'inFlight' | 'acked' | 'refused' | 'unknown';
  status: number;
  id: string;
  at: number;
  readonly receipts: Receipt[];
}

export interface EsmeOptions {
  /** Looked at with every connection: a gateway that is started again may listen elsewhere. */
  readonly port: () => number;
  readonly systemId?: string;
  readonly binds?: number;
  /** Unanswered submit_sm of a bind. */
  readonly window?: number;
  /** Milliseconds before a receipt is answered. */
  receiptDelay?: number;
}

/** Receipts of an id that no answer has named: its answer was lost with the link. */
export interface Orphan {
  readonly destination: string;
  readonly receipts: Receipt[];
}

export interface Esme {
  submit(submit: Submit): Entry;
  readonly entries: readonly Entry[];
  readonly byId: ReadonlyMap<string, Entry>;
  readonly orphans: ReadonlyMap<string, Orphan>;
  /** Answers by command_status. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly settled: number;
  readonly receipted: number;
  readonly inFlight: number;
  readonly bound: number;
  /** Binds that came up. */
  readonly connections: number;
  receiptDelay: number;
  /** Reads nothing from its sockets until told otherwise. */
  deaf(deaf: boolean): void;
  stop(): void;
}

interface Bind {
  session: smpp.Session | undefined;
  bound: boolean;
  readonly open: Set<Entry>;
}

const REDIAL_MS = 30;

export function createEsme(options: EsmeOptions): Esme {
  const { port, systemId = 'acme', window = 100 } = options;
  const entries: Entry[] = [];
  const queue: Entry[] = [];
  let head = 0;
  const byId = new Map<string, Entry>();
  const orphans = new Map<string, Orphan>();
  const statuses = new Map<number, number>();
  let settled = 0;
  let receipted = 0;
  let connections = 0;
  let stopped = false;
  let deaf = false;
  const binds: Bind[] = Array.from({ length: options.binds ?? 1 }, () => ({
    session: undefined,
    bound: false,
    open: new Set<Entry>(),
  }));

  const pump = (bind: Bind): void => {
    const { session } = bind;
    while (session !== undefined && bind.bound && bind.open.size < window && head < queue.length) {
      const entry = queue[head]!;
      const { submit } = entry;
      const sent = session.submit_sm(
        {
          source_addr: '10690000',
          dest_addr_ton: 1,
          dest_addr_npi: 1,
          destination_addr: submit.destination,
          esm_class: submit.udhi === true ? 0x40 : 0,
          data_coding: submit.dataCoding,
          registered_delivery: submit.registered ?? 1,
          ...(submit.payload === true
            ? { short_message: Buffer.alloc(0), message_payload: submit.octets }
            : { short_message: submit.octets }),
        },
        (answer) => {
          bind.open.delete(entry);
          settled++;
          entry.at = performance.now();
          entry.status = answer.command_status;
          statuses.set(entry.status, (statuses.get(entry.status) ?? 0) + 1);
          if (entry.status === 0) {
            entry.state = 'acked';
            entry.id = answer.message_id;
            byId.set(entry.id, entry);
            const early = orphans.get(entry.id);
            if (early !== undefined) {
              orphans.delete(entry.id);
              for (const receipt of early.receipts) booked(entry, receipt);
            }
          } else entry.state = 'refused';
          pump(bind);
        },
      );
      if (!sent) return;
      head++;
      entry.state = 'inFlight';
      bind.open.add(entry);
      if (head > 4096 && head * 2 > queue.length) {
        queue.splice(0, head);
        head = 0;
      }
    }
  };

  const booked = (entry: Entry, receipt: Receipt): void => {
    if (entry.receipts.length === 0) receipted++;
    entry.receipts.push(receipt);
  };

  const onDeliver = (session: smpp.Session, pdu: smpp.PDU): void => {
    const id = String(pdu.receipted_message_id ?? '').replace(/\0$/, '');
    const receipt = { at: performance.now(), state: Number(pdu.message_state) };
    const entry = byId.get(id);
    if (entry !== undefined) booked(entry, receipt);
    else {
      const orphan = orphans.get(id);
      if (orphan !== undefined) orphan.receipts.push(receipt);
      else orphans.set(id, { destination: pdu.source_addr, receipts: [receipt] });
    }
    if (esme.receiptDelay === 0) session.send(pdu.response());
    else setTimeout(() => session.send(pdu.response()), esme.receiptDelay);
  };

  const dial = (bind: Bind): void => {
    if (stopped) return;
    const session = smpp.connect({ host: '127.0.0.1', port: port() });
    bind.session = session;
    session.on('error', () => session.destroy());
    session.on('connect', () => {
      session.bind_transceiver({ system_id: systemId, password: 'secret', interface_version: 0x34 }, (answer) => {
        if (answer.command_status !== 0) return session.destroy();
        bind.bound = true;
        connections++;
        pump(bind);
      });
    });
    session.on('deliver_sm', (pdu: smpp.PDU) => onDeliver(session, pdu));
    session.on('enquire_link', (pdu: smpp.PDU) => session.send(pdu.response()));
    session.on('unbind', (pdu: smpp.PDU) => {
      session.send(pdu.response());
      session.close();
    });
    session.on('close', () => {
      bind.bound = false;
      bind.session = undefined;
      for (const entry of bind.open) {
        entry.state = 'unknown';
        settled++;
      }
      bind.open.clear();
      if (!stopped) setTimeout(() => dial(bind), REDIAL_MS);
    });
    if (deaf) session.pause();
  };

  const esme: Esme = {
    submit(submit) {
      const entry: Entry = { submit, state: 'waiting', status: 0, id: '', at: 0, receipts: [] };
      entries.push(entry);
      queue.push(entry);
      let freest = binds[0]!;
      for (const b of binds) if (b.bound && (!freest.bound || b.open.size < freest.open.size)) freest = b;
      pump(freest);
      return entry;
    },
    entries,
    byId,
    orphans,
    statuses,
    get settled() {
      return settled;
    },
    get receipted() {
      return receipted;
    },
    get inFlight() {
      return binds.reduce((n, b) => n + b.open.size, 0);
    },
    get bound() {
      return binds.filter((b) => b.bound).length;
    },
    get connections() {
      return connections;
    },
    receiptDelay: options.receiptDelay ?? 0,
    deaf(now) {
      deaf = now;
      for (const { session } of binds) {
        if (now) session?.pause();
        else session?.resume();
      }
    },
    stop() {
      stopped = true;
      for (const { session } of binds) session?.destroy();
    },
  };
  for (const bind of binds) dial(bind);
  return esme;
}

// ---- texts -----------------------------------------------------------------------------------------------------

const { ASCII, UCS2 } = smpp.encodings;

/** A text as octets by the package's tables: GSM 03.38 where it takes the text and gives it back, else UCS-2. */
export function coded(text: string, coding?: 'ucs2'): { dataCoding: number; octets: Buffer } {
  if (coding === undefined && ASCII.match(text)) {
    const octets = ASCII.encode(text);
    if (ASCII.decode(octets) === text) return { dataCoding: 0, octets };
  }
  return { dataCoding: 8, octets: UCS2.encode(text) };
}

/** Whether the octets fit one short message. */
export const fitsOne = (dataCoding: number, octets: Buffer): boolean => octets.length <= (dataCoding === 0 ? 160 : 140);

/** Parts with a 6-octet user data header. No escape or surrogate pair is cut. */
export function inParts(dataCoding: number, octets: Buffer, ref: number): Buffer[] {
  const most = dataCoding === 0 ? 153 : 134;
  const cuts: Buffer[] = [];
  for (let start = 0; start < octets.length; ) {
    let end = Math.min(start + most, octets.length);
    if (end < octets.length) {
      if (dataCoding === 0 && octets[end - 1] === 0x1b) end--;
      if (dataCoding === 8 && (octets[end - 2]! & 0xfc) === 0xd8) end -= 2;
    }
    cuts.push(octets.subarray(start, end));
    start = end;
  }
  return cuts.map((part, k) => Buffer.concat([Buffer.from([5, 0, 3, ref & 0xff, cuts.length, k + 1]), part]));
}
