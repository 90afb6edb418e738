import { joinText } from '../../protocols/text/segment.ts';
import type { Carrier } from '../carrier.ts';
import type { Load, LoadOptions } from '../load-options.ts';
import { createLoad } from '../platform.ts';
import type { ReceivedMo } from '../platform-protocol.ts';

/** One platform, one carrier, and the gateway between them. */
export interface Cell {
  readonly platform: Pick<LoadOptions, 'port' | 'protocol' | 'version' | 'systemId' | 'password' | 'callback'>;
  readonly carrier: Carrier;
  /** The account's service number: sender of its messages, called number of the MO. */
  readonly service: string;
  /** Of the handset with the first message. */
  readonly firstNumber: number;
  /** Longest wait for one thing, in ms. Default 30 s: the cells share a machine. */
  readonly patience?: number;
}

const SHORT = '【译码】您的验证码是482913😀，五分钟内有效。';
const LONG = '【译码】尊敬的用户，您好！您订购的包裹📦已送达小区驿站，请凭取件码 8-2-4017 领取。'.repeat(4);
const MO_SHORT = '退订😀';
const MO_LONG = '我想咨询一下💬，昨天的订单为什么还没有发货？'.repeat(5);

/** What is looked at in every cell, in this order; the first that fails ends the cell. */
export const CHECKS = ['texts', 'receipts', 'MO', 'away', 'reconnect', 'books'] as const;
export type Check = (typeof CHECKS)[number];

export interface Outcome {
  readonly failed?: Check;
  /** What was waited for in vain, or differed. */
  readonly why?: string;
}

const REPORT_DELAY = 400;

class Failure extends Error {}

function expect(what: string, holds: boolean): void {
  if (!holds) throw new Failure(what);
}

async function until({ patience = 30_000 }: Cell, what: () => string, holds: () => boolean): Promise<void> {
  const end = performance.now() + patience;
  while (!holds()) {
    if (performance.now() > end) throw new Failure(what());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Takes a cell through its whole life. Never rejects for what the gateway does. */
export async function runCell(cell: Cell): Promise<Outcome> {
  const mos: ReceivedMo[] = [];
  const load = createLoad({
    ...cell.platform,
    source: cell.service,
    firstNumber: cell.firstNumber,
    count: 8,
    texts: [SHORT, LONG],
    allowed: 2,
    // A view into the frame: kept as a copy.
    onMo: (mo) => mos.push({ ...mo, octets: Uint8Array.from(mo.octets) }),
  });
  const ended = load.done.then(
    () => undefined,
    (e: Error) => e.message,
  );
  load.start();
  let check: Check = 'texts';
  try {
    for (check of CHECKS) await CHECK[check](cell, load, mos);
    return {};
  } catch (e) {
    if (!(e instanceof Failure)) throw e;
    load.stop();
    load.stop();
    const fault = await ended;
    return { failed: check, why: fault === undefined ? e.message : `${e.message}; ${fault}` };
  }
}

const CHECK: Readonly<Record<Check, (cell: Cell, load: Load, mos: readonly ReceivedMo[]) => Promise<void>>> = {
  async texts(cell, load) {
    await submitted(cell, load);
    await arrived(cell, 2);
  },

  async receipts(cell, load) {
    await receipted(cell, load);
  },

  async MO(cell, _, mos) {
    const { carrier, service, firstNumber } = cell;
    const from = String(firstNumber);
    const parts = [MO_SHORT, MO_LONG].map((text) =>
      carrier.injectMo({ from, to: `${service}88`, text, coding: 'ucs2' }),
    );
    await until(
      cell,
      () =>
        `MO at the platform: ${
          textsOf(mos)
            .map((t) => JSON.stringify(t))
            .join(', ') || 'none'
        }`,
      () => [MO_SHORT, MO_LONG].every((text) => textsOf(mos).includes(text)),
    );
    // The carrier has its answers too, and nothing came twice.
    await Promise.all(parts);
    expect(`2 MO, not ${textsOf(mos).length}`, textsOf(mos).length === 2);
    for (const mo of mos) {
      expect(`MO from ${mo.from}, sent from ${from}`, mo.from.endsWith(from.slice(-11)));
      expect(`MO to ${mo.to}, sent to ${service}88`, mo.to.endsWith(`${service}88`));
    }
  },

  async away(cell, load) {
    const { carrier } = cell;
    const { receipted: before } = load.progress;
    carrier.change({ hold: true });
    load.allow(4);
    await submitted(cell, load);
    await arrived(cell, 4);
    load.leave();
    await until(
      cell,
      () => 'the platform to be gone',
      () => load.progress.bound === 0,
    );
    carrier.change({ hold: false });
    await until(
      cell,
      () => `the gateway to take the reports: ${reportsOf(carrier)}`,
      () => carrier.books.counts.reportsAnswered >= load.progress.submitted,
    );
    expect('receipts came to a platform that is away', load.progress.receipted === before);
    load.comeBack();
    await receipted(cell, load);
  },

  async reconnect(cell, load, mos) {
    const { carrier, service, firstNumber } = cell;
    // Long enough for the cut to come before the reports.
    carrier.change({ reportDelay: REPORT_DELAY });
    load.allow(6);
    await submitted(cell, load);
    await arrived(cell, 6);
    // Once this is answered, so the answers to the submits were read.
    const before = mos.length;
    await carrier.injectMo({ from: String(firstNumber), to: service, text: 'now' });
    carrier.dropAll();
    await until(
      cell,
      () => 'the gateway to log in again',
      () => carrier.sessions > 0,
    );
    await receipted(cell, load);
    load.allow(8);
    await submitted(cell, load);
    await arrived(cell, 8);
    await receipted(cell, load);
    await until(
      cell,
      () => 'the MO before the cut',
      () => mos.length > before,
    );
  },

  async books({ carrier }, load) {
    const v = await load.done;
    expect(`a clean verdict: ${JSON.stringify(v)}`, v.clean && v.misaddressed === 0 && v.intermediate === 0);
    expect(`all delivered: ${JSON.stringify(v.states)}`, v.states.DELIVERED === v.parts);
    const { counts, repeats } = carrier.books;
    expect(`${repeats} parts came twice to the carrier`, repeats === 0);
    expect(`frames that the carrier could not read: ${counts.malformed}`, counts.malformed === 0);
    expect(`answers that name another message: ${counts.wrongEcho}`, counts.wrongEcho === 0);
  },
};

/** All that it may submit is acknowledged. */
async function submitted(cell: Cell, load: Load): Promise<void> {
  await until(
    cell,
    () => `acknowledgements: ${load.progress.acked} of ${load.progress.allowed}, ${load.progress.bound} binds`,
    () => load.progress.acked === load.progress.allowed,
  );
}

async function receipted(cell: Cell, load: Load): Promise<void> {
  await until(
    cell,
    () => `receipts: ${load.progress.receipted} of ${load.progress.submitted}, ${load.progress.bound} binds`,
    () => load.progress.receipted === load.progress.submitted,
  );
}

/** The first `messages` are at the carrier, each to its handset with its text and its sender. */
async function arrived(cell: Cell, messages: number): Promise<void> {
  const { carrier, service, firstNumber } = cell;
  const came = (m: number): boolean => {
    const number = String(firstNumber + m).slice(-11);
    const text = m % 2 === 0 ? SHORT : LONG;
    return carrier.books.messages.some(
      (x) => x.destination.endsWith(number) && x.text === text && x.source.endsWith(service),
    );
  };
  const all = Array.from({ length: messages }, (_, m) => m);
  const got = (): string =>
    carrier.books.messages.map((m) => `${m.source} to ${m.destination} ${JSON.stringify(m.text)}`).join(', ') || 'none';
  await until(
    cell,
    () => `texts at the carrier: ${got()}`,
    () => all.every(came),
  );
}

const reportsOf = (carrier: Carrier): string =>
  `${carrier.books.counts.reports} sent, ${carrier.books.counts.reportsAnswered} answered`;

/** The texts of whole messages: parts with one reference joined in their order, whatever order they came in. */
function textsOf(mos: readonly ReceivedMo[]): string[] {
  const whole: string[] = [];
  const open = new Map<number, ReceivedMo[]>();
  for (const mo of mos) {
    const { concat } = mo;
    if (concat === undefined) whole.push(joinText([mo.octets], mo.coding));
    else {
      const parts = [...(open.get(concat.ref) ?? []), mo].sort((a, b) => a.concat!.seq - b.concat!.seq);
      open.set(concat.ref, parts);
      if (parts.length !== concat.total) continue;
      open.delete(concat.ref);
      const octets = parts.map((p) => p.octets);
      const codings = parts.map((p) => p.coding);
      whole.push(joinText(octets, codings));
    }
  }
  return whole;
}
