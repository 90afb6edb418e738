import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BehaviourChange } from '../../simulators/behaviour.ts';
import type { Ledger } from '../../simulators/books.ts';
import { type Carrier, startCarrier } from '../../simulators/carrier.ts';
import { type MessageRecord, readRecord } from '../../src/store/records.ts';
import { coded, createEsme, type Entry, fitsOne, inParts } from './esme.ts';
import { createJournalView, type Told } from './journal-view.ts';
import { type CarrierSetup, until, yamlOf } from './node.ts';
import { type GatewayProcess, startProcess } from './process.ts';
import { createRandom } from './texts.ts';

/*
 * The gateway is killed again and again under load; carriers and platform live on. Between a kill and the next start
 * the journal says what the gateway knew: what it must not have lost, and what it could not know and may have repeated.
 */
export interface CampaignOptions {
  readonly folder: string;
  readonly texts: readonly string[];
  readonly kills: number;
  /** Messages submitted a second, while the gateway is up. */
  readonly rate: number;
  readonly seed: number;
  /** More keys of `store`, as YAML flow: small ones bring checkpoints and the cold index into play. */
  readonly store?: string;
}

/** What does not hold, one line each; empty when all does. */
export interface CampaignReport {
  readonly faults: readonly string[];
  readonly figures: Readonly<Record<string, number | string>>;
}

const CARRIERS = [
  { name: 'cmpp20', protocol: 'cmpp', version: '2.0', prefix: '131', more: 'binds: 2, window: 16' },
  { name: 'cmpp30', protocol: 'cmpp', version: '3.0', prefix: '132', more: 'window: 64, coding: [ucs2]' },
  { name: 'smsc', protocol: 'smpp', version: '3.4', prefix: '133', more: 'binds: 2, window: 50' },
  { name: 'careful', protocol: 'smpp', version: '3.4', prefix: '134', more: 'window: 100, onUnknown: fail' },
] as const;

/** How carriers behave between two kills, in turn: from quick to slow, with reports at once, late, early and twice. */
const WEATHER: readonly BehaviourChange[] = [
  {
    responseDelay: 0,
    reportDelay: 0,
    reportBefore: { probability: 0 },
    duplicateReport: { probability: 0 },
    lateReport: { probability: 0 },
  },
  {
    responseDelay: { min: 0, max: 30 },
    reportDelay: { min: 0, max: 400 },
    lateReport: { probability: 0.05, delay: 3_000 },
    reportOn: 'any',
  },
  { responseDelay: { min: 2, max: 60 }, reportDelay: 0, reportBefore: { probability: 0.3 } },
  { responseDelay: 1, reportDelay: { min: 100, max: 1000 }, duplicateReport: { probability: 0.05 }, reportOn: 'same' },
];

const DELIVERED = 2;
const ACCEPTED = 6;
const UNKNOWN = 7;

/** A part as a carrier took it, and in which life of the gateway. */
interface Arrived {
  readonly life: number;
  readonly carrier: string;
}

export async function runCrashCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { folder, texts, kills, rate, seed } = options;
  const random = createRandom(seed);
  const between = (min: number, max: number): number => min + random() * (max - min);
  const faults: string[] = [];
  const fault = (text: string): void => {
    if (faults.length < 50) faults.push(text);
  };
  /** Lives of the gateway, from 0; a kill ends one. */
  let life = 0;

  const arrivals = new Map<string, Arrived[]>();
  const carriers: Carrier[] = [];
  const setups: CarrierSetup[] = [];
  for (const c of CARRIERS) {
    const name = c.protocol === 'cmpp' ? '900001' : 'yima';
    const { protocol, version } = c;
    const carrier = await startCarrier({
      protocol,
      version,
      record: 'messages',
      accounts: [{ name, secret: 'secret' }],
    });
    watch(carrier, (arrival) => {
      const key = `${arrival.destination}/${arrival.concat?.seq ?? 0}`;
      const list = arrivals.get(key);
      if (list === undefined) arrivals.set(key, [{ life, carrier: c.name }]);
      else list.push({ life, carrier: c.name });
    });
    carriers.push(carrier);
    setups.push({ ...c, port: carrier.port });
  }
  const data = join(folder, 'data');
  const config = join(folder, 'yima.yaml');
  writeFileSync(
    config,
    yamlOf({
      data,
      log: 'info',
      carriers: setups,
      ...(options.store === undefined ? {} : { store: options.store }),
      rules: `[ ${CARRIERS.map((c) => `{ destination: "${c.prefix}", steps: [ { carriers: [ { name: ${c.name} } ] } ] }`).join(', ')} ]`,
    }),
  );
  const journal = createJournalView(join(data, 'store'));

  let gateway: GatewayProcess | undefined = await startProcess(config);
  const esme = createEsme({ port: () => gateway?.port ?? 1, binds: 2, window: 100 });
  /** Lives in which each entry got its receipts. */
  const receiptLives = new Map<Entry, number[]>();
  let number = 0;

  const submitOne = (): void => {
    const c = CARRIERS[Math.floor(random() * CARRIERS.length)]!;
    const k = number++;
    const destination = c.prefix + String(k).padStart(8, '0');
    const text = texts[k % texts.length]!;
    const registered = random() < 0.1 ? 0 : 1;
    const plain = coded(text);
    if (fitsOne(plain.dataCoding, plain.octets)) esme.submit({ destination, ...plain, registered });
    else if (random() < 0.5) esme.submit({ destination, ...plain, payload: true, registered });
    else {
      const wide = c.protocol === 'cmpp' ? coded(text, 'ucs2') : plain;
      for (const octets of inParts(wide.dataCoding, wide.octets, k))
        esme.submit({ destination, dataCoding: wide.dataCoding, octets, udhi: true, registered });
    }
  };
  let loading = true;
  let owed = 0;
  const loader = setInterval(() => {
    // What the gateway could not take waits at the platform: not without bound.
    if (!loading || esme.bound === 0 || esme.entries.length - esme.settled > 2_000) return;
    for (owed += rate / 100; owed >= 1; owed--) submitOne();
  }, 10);

  /** Journal sequence at each kill, and what the platform and the carriers had by then. */
  const lastAt: number[] = [];
  let ackedSeen = 0;
  /** Acknowledged and not in the journal: ended and let go by a checkpoint, or lost. */
  const unknownThen: [number, number][] = [];
  let unfinished = { resent: 0, failed: 0, queued: 0 };
  let startMs = 0;
  let replayMs = 0;
  let receiptsInFlight = 0;
  let unansweredParts = 0;
  const answeredAt = (told: Told, segment: number): number => told.answered.get(segment) ?? Number.POSITIVE_INFINITY;

  const afterKill = async (): Promise<void> => {
    // What the dead gateway had written still arrives.
    await until('the dead gateway gone for all', () => esme.bound === 0 && carriers.every((c) => c.sessions === 0));
    await journal.read();
    lastAt.push(journal.last);
    for (; ackedSeen < esme.entries.length; ackedSeen++) {
      const entry = esme.entries[ackedSeen]!;
      if (entry.state === 'waiting') break;
      if (entry.state === 'acked' && !journal.byId.has(Number(entry.id))) unknownThen.push([life, Number(entry.id)]);
    }
    for (const [key] of arrivals) {
      const [told, segment] = find(key);
      if (told !== undefined && told.ended === 0 && answeredAt(told, segment) > journal.last) unansweredParts++;
    }
    for (const [id, entry] of esme.byId) {
      const lives = receiptLives.get(entry) ?? [];
      while (lives.length < entry.receipts.length) lives.push(life);
      receiptLives.set(entry, lives);
      if (lives.length > 0 && journal.byId.get(Number(id))?.closed === 0) receiptsInFlight++;
    }
  };

  /** The message and segment of a part at a carrier: the platform's own segment, or one that the gateway cut. */
  function find(key: string): [Told | undefined, number] {
    const told = journal.byPlace.get(key);
    if (told !== undefined) return [told, 0];
    const [destination, place] = key.split('/');
    return [journal.byPlace.get(`${destination}/0`), Number(place) - 1];
  }

  const read = (g: GatewayProcess): void => {
    startMs += g.startMs;
    for (const line of g.log) {
      if (line.level === 'error' || line.level === 'fatal')
        fault(`life ${life}: the gateway logs ${JSON.stringify(line)}`);
      if (line.msg === 'messages found unfinished: those in flight have an unknown outcome') {
        unfinished = {
          resent: unfinished.resent + Number(line.resent),
          failed: unfinished.failed + Number(line.failed),
          queued: unfinished.queued + Number(line.queued),
        };
      }
      if (line.msg === 'journal replayed') replayMs = Math.max(replayMs, Number(line.ms));
    }
  };

  // ---- the kills -----------------------------------------------------------------------------------------------
  try {
    for (let k = 0; k < kills; k++) {
      for (const [n, c] of carriers.entries()) c.change(WEATHER[(k + n) % WEATHER.length]!);
      esme.receiptDelay = [0, 20, 0, 100][k % 4]!;
      // Some die while they still take up what the last one left.
      await sleep(random() < 0.2 ? between(0, 150) : between(250, 1400));
      await gateway.kill();
      read(gateway);
      gateway = undefined;
      await afterKill();
      life++;
      gateway = await startProcess(config);
    }
    loading = false;
    for (const c of carriers) c.change(WEATHER[0]!);
    esme.receiptDelay = 0;
    const settled = (): boolean => esme.settled === esme.entries.length;
    await until('all submits answered or lost', settled);
    const quiet = (): boolean => {
      const { inFlight, bound } = esme;
      return inFlight === 0 && bound === 2;
    };
    await until('platform bound and quiet', quiet);
    const wanting = [...esme.byId.values()].filter((e) => (e.submit.registered ?? 1) === 1);
    await until('all receipts', () => wanting.every((e) => e.receipts.length > 0)).catch(() => undefined);
    await stands(carriers, esme, 400);
    await gateway.kill();
    read(gateway);
    gateway = undefined;
    await afterKill();
    life++;

    // ---- at rest: another start finds nothing to do ------------------------------------------------------------
    const submits = carriers.reduce((n, c) => n + c.books.counts.submits, 0);
    const receipts = esme.entries.reduce((n, e) => n + e.receipts.length, 0);
    gateway = await startProcess(config);
    await until('bound again', () => esme.bound === 2 && carriers.every((c) => c.sessions > 0));
    await sleep(400);
    const again = carriers.reduce((n, c) => n + c.books.counts.submits, 0) - submits;
    if (again !== 0) fault(`at rest: ${again} parts were sent again by a start that had nothing to do`);
    const told = esme.entries.reduce((n, e) => n + e.receipts.length, 0) - receipts;
    if (told !== 0) fault(`at rest: ${told} receipts were told again by a start that had nothing to do`);
  } finally {
    clearInterval(loader);
    esme.stop();
    const code = await gateway?.stop();
    if (code !== undefined && code !== 0) fault(`the gateway ended with ${code} when asked to stop`);
    for (const c of carriers) await c.stop();
  }

  // ---- every message -------------------------------------------------------------------------------------------
  const records = readRecords(join(data, 'records'), fault);
  const recorded = new Set([...records.values()].map((r) => r.destination));
  const complete = journal.missed === 0;
  for (const [then, id] of unknownThen)
    if (complete || !records.has(id)) fault(`life ${then}: ${id} was acknowledged and is not in the journal`);
  const states = new Map<number, number>();
  let unknownTwice = 0;
  const unansweredAt = (told: Told, last: number): boolean =>
    [...told.sent].some(([segment, sent]) => sent <= last && answeredAt(told, segment) > last);
  for (const told of journal.byId.values()) {
    const record = records.get(told.id);
    if (!complete && told.endings === 0 && record !== undefined) {
      // It ended in a batch that was let go.
      told.ended ||= Number.POSITIVE_INFINITY;
      told.state = record.stateCode;
      told.receipt = (told.registered & 3) === 1;
    }
    if (told.ended === 0) fault(`${told.id} was accepted and has no final state`);
    if (told.endings > 1) fault(`${told.id} ended ${told.endings} times`);
    if (told.receipt !== ((told.registered & 3) === 1)) fault(`${told.id}: receipt wanted and told differ`);
    if (complete && told.receipt && told.closed === 0) fault(`${told.id}: its receipt was never taken`);
    if (told.closings > 1) fault(`${told.id} was closed ${told.closings} times`);
    const expected = (told.registered & 3) === 1 ? DELIVERED : ACCEPTED;
    if (told.ended > 0 && told.state !== expected) {
      // Unknown at once where the carrier says `fail`; else when the one copy sent again was caught by a kill, too.
      const careful = told.destination.startsWith('134');
      const caught = lastAt.filter((last) => told.ended > last && unansweredAt(told, last)).length;
      if (
        told.state !== UNKNOWN ||
        record?.reason !== 'outcome unknown: restart' ||
        record.possibleDuplicate === careful
      )
        fault(`${told.id} ended in state ${told.state}: ${JSON.stringify(record)}`);
      else if (complete && caught < (careful ? 1 : 2)) fault(`${told.id} ended as unknown after ${caught} kills`);
      else if (!careful) unknownTwice++;
    }
    states.set(told.state, (states.get(told.state) ?? 0) + 1);
  }

  // ---- parts at the carriers -----------------------------------------------------------------------------------
  let partsTwice = 0;
  let sentKnown = 0;
  let parts = 0;
  for (const [key, list] of arrivals) {
    parts += list.length;
    const [told, segment] = find(key);
    if (told === undefined) {
      if (complete || !recorded.has(key.split('/')[0]!)) fault(`a carrier has ${key}, which the journal does not know`);
      continue;
    }
    for (let i = 1; i < list.length; i++) {
      partsTwice++;
      const { life: again, carrier } = list[i]!;
      const known = lastAt[again - 1] ?? 0;
      if (list[i - 1]!.life === again) fault(`${key} came twice in life ${again}`);
      else if (answeredAt(told, segment) <= known)
        fault(`${key} came again in life ${again} although its answer was journalled`);
      if (carrier === 'careful') fault(`${key} came again though its carrier says onUnknown: fail`);
      if ((told.sent.get(segment) ?? Number.POSITIVE_INFINITY) <= known) {
        sentKnown++;
        if (records.get(told.id)?.possibleDuplicate !== true)
          fault(`${key} came again and its record does not say possibleDuplicate`);
      } else if (told.accepted > known || (told.ended > 0 && told.ended <= known)) {
        fault(`${key} came again in life ${again} though it was not queued at the kill`);
      }
    }
  }
  for (const told of journal.byId.values()) {
    // What ended as delivered or taken was at its carrier.
    if (told.state === UNKNOWN) continue;
    const segments = records.get(told.id)?.segments ?? 1;
    for (const segment of told.sent.keys()) {
      const key = `${told.destination}/${told.place !== 0 ? told.place : segments > 1 ? segment + 1 : 0}`;
      if (!arrivals.has(key)) fault(`${key} of ${told.id} never came to its carrier`);
    }
  }
  if (partsTwice > unansweredParts)
    fault(`${partsTwice} parts came twice, ${unansweredParts} were unanswered at kills`);
  // ---- receipts at the platform --------------------------------------------------------------------------------
  let receiptsTwice = 0;
  const closedAt = (id: string): number => journal.byId.get(Number(id))?.closed || Number.POSITIVE_INFINITY;
  for (const [id, entry] of esme.byId) {
    const state = journal.byId.get(Number(id))?.state ?? records.get(Number(id))?.stateCode;
    const lives = receiptLives.get(entry) ?? [];
    if ((entry.submit.registered ?? 1) === 1 && lives.length === 0) fault(`${id} has no receipt`);
    if (entry.submit.registered === 0 && lives.length > 0) fault(`${id} has a receipt that nobody asked for`);
    if (new Set(entry.receipts.map((r) => r.state)).size > 1) fault(`${id} has receipts of different states`);
    if (entry.receipts.some((r) => r.state !== state)) fault(`${id}: its receipt is not its final state`);
    for (let i = 1; i < lives.length; i++) {
      receiptsTwice++;
      if (lives[i] === lives[i - 1]) fault(`${id} got two receipts in life ${lives[i]}`);
      else if (closedAt(id) <= (lastAt[lives[i]! - 1] ?? 0))
        fault(`${id} got a receipt in life ${lives[i]} although the first was closed in the journal`);
    }
  }
  for (const [id, orphan] of esme.orphans) {
    const told = journal.byId.get(Number(id)) ?? records.get(Number(id));
    if (told?.destination !== orphan.destination) fault(`a receipt for ${id}, which is no message`);
  }
  if (receiptsTwice > receiptsInFlight)
    fault(`${receiptsTwice} receipts came twice, ${receiptsInFlight} were open at kills`);

  const count = (state: Entry['state']): number => esme.entries.filter((e) => e.state === state).length;
  const refused = count('refused');
  if (refused > 0)
    fault(`${refused} submits were refused: ${[...esme.statuses].map(([s, n]) => `${s}: ${n}`).join(', ')}`);
  for (const [id] of esme.byId) if (!records.has(Number(id))) fault(`${id} has no record`);

  return {
    faults,
    figures: {
      seed,
      kills,
      'submits answered': count('acked'),
      'submits whose answer was lost': count('unknown'),
      'messages in the journal': journal.byId.size,
      'final states': [...states].map(([state, n]) => `${state}: ${n}`).join(', '),
      'unknown, caught by two kills': unknownTwice,
      'parts at carriers': parts,
      'parts unanswered at a kill': unansweredParts,
      'parts that came twice': partsTwice,
      '  of them sent by the journal': sentKnown,
      '  resent, failed, queued by what was logged': `${unfinished.resent}, ${unfinished.failed}, ${unfinished.queued}`,
      'receipts at the platform': esme.entries.reduce((n, e) => n + e.receipts.length, 0),
      'receipts open at a kill': receiptsInFlight,
      'receipts that came twice': receiptsTwice,
      'receipts of lost answers': esme.orphans.size,
      'journal, octets': journal.octets,
      'carried on, gone cold, batches let go': `${journal.carried}, ${journal.cooled}, ${journal.missed}`,
      'restart, mean ms': Math.round(startMs / (kills + 1)),
      'longest replay, ms': replayMs,
    },
  };
}

/** Books every part that a carrier takes. */
function watch(carrier: Carrier, see: (arrival: Parameters<Ledger['arrived']>[0]) => void): void {
  const ledger = carrier.books as Ledger;
  const { arrived } = ledger;
  ledger.arrived = (arrival) => {
    see(arrival);
    arrived(arrival);
  };
}

/** Waits until nothing has moved for so long. */
async function stands(carriers: readonly Carrier[], esme: { receipted: number }, ms: number): Promise<void> {
  const sum = (): number =>
    carriers.reduce((n, c) => n + c.books.counts.submits + c.books.counts.reportsAnswered, esme.receipted);
  for (let before = -1, now = sum(); now !== before; now = sum()) {
    before = now;
    await sleep(ms);
  }
}

/** Records by message; a crash may have written one twice, but never two that differ. */
function readRecords(folder: string, fault: (text: string) => void): Map<number, MessageRecord> {
  const records = new Map<number, MessageRecord>();
  for (const name of readdirSync(folder)) {
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      let record: MessageRecord;
      try {
        record = readRecord(line);
      } catch {
        // Torn by a kill: never with another record behind it in the same line.
        if (line.indexOf('{"id":', 1) >= 0) fault(`a torn record swallowed another: ${line}`);
        continue;
      }
      const known = records.get(record.id);
      if (known !== undefined && (known.state !== record.state || known.endedAt !== record.endedAt))
        fault(`${record.id} has records of ${known.state} and ${record.state}`);
      records.set(record.id, record);
    }
  }
  return records;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const formatReport = ({ figures, faults }: CampaignReport): string =>
  [
    ...Object.entries(figures).map(([name, value]) => `${name.padEnd(36)} ${value}`),
    ...faults.map((f) => `FAULT ${f}`),
  ].join('\n');
