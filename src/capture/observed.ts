import type { Conversation, Sender } from './conversation.ts';
import type { AnswerDealing, Dealing, ReportDealing, SubmitDealing } from './dealing.ts';
import type { CapturedPdu } from './dissect.ts';

/** One destination of a submit, and what its reports were. */
export interface ObservedMessage {
  readonly submit: ObservedSubmit;
  readonly destination: string;
  /** The first report that is final. */
  report: ObservedReport | undefined;
  /** Reports that say that it is still on its way. */
  readonly interim: ObservedReport[];
  /** Final ones after the first. */
  readonly more: ObservedReport[];
}

export interface ObservedSubmit {
  /** Microseconds, as all times here. */
  readonly at: number;
  readonly conversation: Conversation;
  readonly dealing: SubmitDealing;
  readonly messages: readonly ObservedMessage[];
  answer: { readonly at: number; readonly dealing: AnswerDealing } | undefined;
}

export interface ObservedReport {
  readonly at: number;
  readonly conversation: Conversation;
  readonly dealing: ReportDealing;
  /** How its id is written, seen from the answer's. */
  form: string;
  /** It came before the answer that tells the id. */
  early: boolean;
  /** Its answer; undefined: none. */
  taken: { readonly at: number; readonly good: boolean } | undefined;
  /** The one before it that says the same. */
  readonly before: ObservedReport | undefined;
}

/** What a capture tells of the carriers of one protocol. */
export interface Observation {
  readonly protocol: string;
  readonly version: number;
  readonly from: number;
  readonly to: number;
  readonly conversations: number;
  readonly submits: readonly ObservedSubmit[];
  readonly reports: readonly ObservedReport[];
  /** Reports of messages whose submit was not captured. */
  readonly orphans: number;
  readonly mos: number;
  readonly logins: number;
  /** When the carrier asked for a sign of life, by connection. */
  readonly probes: readonly (readonly number[])[];
  /** When each connection was last heard. */
  lastHeard(conversation: Conversation): number;
  /** Unreadable frames. */
  readonly unreadable: number;
}

export interface Observer {
  see(pdu: CapturedPdu): void;
  /** What was seen, by protocol. */
  observed(): Observation[];
}

/** Gathers what the PDUs of a capture tell. `meaning` throws nothing: `other` for what it cannot read. */
export function createObserver(meaning: (pdu: CapturedPdu) => Dealing): Observer {
  const books = new Map<string, Book>();
  return {
    see(pdu) {
      const { name } = pdu.wire;
      let book = books.get(name);
      if (book === undefined) {
        book = createBook(name);
        books.set(name, book);
      }
      book.see(pdu, meaning(pdu));
    },
    observed: () => [...books.values()].map((book) => book.observation()),
  };
}

interface Book {
  see(pdu: CapturedPdu, dealing: Dealing): void;
  observation(): Observation;
}

function createBook(protocol: string): Book {
  const submits: ObservedSubmit[] = [];
  const reports: ObservedReport[] = [];
  /** Requests whose answers may come, by exchange. */
  const openSubmits = new Map<number, ObservedSubmit>();
  const openReports = new Map<number, ObservedReport>();
  const byId = new Map<string, ObservedMessage[]>();
  /** Reports that came before the id of their message was known, by every form of their id. */
  const waiting = new Map<string, ObservedReport[]>();
  const placed = new Set<ObservedReport>();
  const lastReport = new Map<string, ObservedReport>();
  const heard = new Map<Conversation, number>();
  const platform = new Map<Conversation, Sender>();
  const probes = new Map<Conversation, { readonly client: number[]; readonly server: number[] }>();
  const versions = new Map<number, number>();
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  let mos = 0;
  let logins = 0;
  let unreadable = 0;

  const place = (report: ObservedReport, message: ObservedMessage, form: string): void => {
    placed.add(report);
    report.form = form;
    if (!report.dealing.final) message.interim.push(report);
    else if (message.report === undefined) message.report = report;
    else message.more.push(report);
  };

  /** The destination that a report is about; the id of a submit to several may be the same for all. */
  const addressed = (list: readonly ObservedMessage[], { dealing }: ObservedReport): ObservedMessage =>
    list.find((m) => sameDigits(m.destination, dealing.destination)) ?? list[0]!;

  const known = (message: ObservedMessage, id: string): void => {
    const list = byId.get(id);
    if (list === undefined) byId.set(id, [message]);
    else list.push(message);
    const early = waiting.get(id);
    if (early === undefined) return;
    waiting.delete(id);
    for (const report of early) {
      if (placed.has(report)) continue;
      report.early = true;
      place(report, message, report.dealing.ids.find((form) => form.id === id)!.form);
    }
  };

  const onSubmit = (pdu: CapturedPdu, dealing: SubmitDealing): void => {
    const messages: ObservedMessage[] = [];
    const { at, conversation } = pdu;
    const submit: ObservedSubmit = { at, conversation, dealing, messages, answer: undefined };
    for (const destination of dealing.destinations) {
      const message = { submit, destination, report: undefined, interim: [], more: [] };
      messages.push(message);
      if (dealing.id !== undefined) known(message, dealing.id);
    }
    submits.push(submit);
    openSubmits.set(pdu.exchange, submit);
    platform.set(conversation, pdu.sender);
  };

  const onAnswer = (pdu: CapturedPdu, dealing: AnswerDealing): void => {
    const submit = openSubmits.get(pdu.exchange);
    if (submit === undefined) return;
    openSubmits.delete(pdu.exchange);
    submit.answer = { at: pdu.at, dealing };
    if (dealing.code !== 0) return;
    submit.messages.forEach((message, k) => {
      const id = dealing.idOf(k);
      if (id !== '') known(message, id);
    });
    // Some carriers name the first one's id for all.
    const first = dealing.idOf(0);
    if (first !== '') for (const message of submit.messages.slice(1)) byId.get(first)?.push(message);
  };

  const onReport = (pdu: CapturedPdu, dealing: ReportDealing): void => {
    const { at, conversation } = pdu;
    const key = `${dealing.ids[0]!.id} ${dealing.destination} ${dealing.word}`;
    const before = lastReport.get(key);
    const report: ObservedReport = { at, conversation, dealing, form: 'same', early: false, taken: undefined, before };
    lastReport.set(key, report);
    reports.push(report);
    openReports.set(pdu.exchange, report);
    platform.set(conversation, pdu.sender === 'client' ? 'server' : 'client');
    for (const { form, id } of dealing.ids) {
      const list = byId.get(id);
      if (list === undefined) continue;
      const message = addressed(list, report);
      report.early = message.submit.answer === undefined;
      place(report, message, form);
      return;
    }
    for (const { id } of dealing.ids) waiting.set(id, [...(waiting.get(id) ?? []), report]);
  };

  return {
    see(pdu, dealing) {
      const { at, conversation, sender } = pdu;
      from = Math.min(from, at);
      to = Math.max(to, at);
      heard.set(conversation, at);
      if (pdu.description === undefined) unreadable++;
      versions.set(pdu.version, (versions.get(pdu.version) ?? 0) + 1);
      switch (dealing.what) {
        case 'submit':
          return onSubmit(pdu, dealing);
        case 'answer':
          return onAnswer(pdu, dealing);
        case 'report':
          return onReport(pdu, dealing);
        case 'mo':
          mos++;
          platform.set(conversation, sender === 'client' ? 'server' : 'client');
          return;
        case 'taken': {
          const report = openReports.get(pdu.exchange);
          openReports.delete(pdu.exchange);
          if (report !== undefined) report.taken = { at, good: dealing.good };
          return;
        }
        case 'login':
          logins++;
          return;
        case 'probe': {
          let both = probes.get(conversation);
          if (both === undefined) {
            both = { client: [], server: [] };
            probes.set(conversation, both);
          }
          both[sender].push(at);
        }
      }
    },
    observation() {
      return {
        protocol,
        version: [...versions].sort((a, b) => b[1] - a[1])[0]![0],
        from,
        to,
        conversations: heard.size,
        submits,
        reports,
        orphans: reports.filter((report) => !placed.has(report)).length,
        mos,
        logins,
        probes: [...probes].flatMap(([conversation, both]) => {
          const of = platform.get(conversation);
          return of === undefined ? [] : [both[of === 'client' ? 'server' : 'client']];
        }),
        lastHeard: (conversation) => heard.get(conversation) ?? 0,
        unreadable,
      };
    },
  };
}

/** With or without a country code or zeros in front. */
function sameDigits(a: string, b: string): boolean {
  const [short = '', long = ''] = [a, b].map((n) => n.replace(/^[+0]+/, '')).sort((x, y) => x.length - y.length);
  return long === short || (short.length >= 7 && long.endsWith(short));
}
