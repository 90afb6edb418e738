import { sleep } from '../base/timers.ts';
import { ENDED, MT, NO_OCTETS, REPLAYED } from '../message/message.ts';
import { plans } from '../store/events.ts';
import type { MessageRecord } from '../store/records.ts';
import type { Gateway } from './context.ts';
import { keepOf } from './expire.ts';
import { wantsReceipt } from './finish.ts';
import { applyCarried } from './state.ts';
import { tell } from './tell.ts';

/** Which receipts are to be told again: of one account, of messages that ended in [from, to) ms, perhaps to one number. */
export interface ReplayRequest {
  readonly account: string;
  readonly from: number;
  readonly to: number;
  readonly number?: string;
}

export interface Replayed {
  /** Receipts put into the outbox again; durable by now. */
  readonly replayed: number;
  /** There are more: ask again with this as `from`. What ended in that very millisecond is told again, too. */
  readonly more: number | undefined;
}

/** Receipts of one request: its messages come into memory. */
export const REPLAY_MAX = 20_000;
const SLICE = 500;

/**
 * Tells receipts again, from the records: each as a new ended message under the old public id, marked as a replay.
 * Slowly enough that what is under way goes first. Rejects when the store is failing or a stop is under way.
 */
export async function replay(gw: Gateway, request: ReplayRequest, max = REPLAY_MAX): Promise<Replayed> {
  // By id: after a crash a record may be in its file twice.
  const found = new Map<number, MessageRecord>();
  let more: number | undefined;
  await gw.records.flush();
  await gw.records.read(request.from, request.to, (r) => {
    if (r.kind !== 'MT' || r.account !== request.account) return;
    if (request.number !== undefined && r.destination !== request.number) return;
    if (!wantsReceipt(r, r.stateCode)) return;
    if (found.size < max) found.set(r.id, r);
    else more = Math.min(more ?? Number.POSITIVE_INFINITY, r.endedAt);
  });
  const records = [...found.values()];
  for (let i = 0; i < records.length; i += SLICE) {
    while (gw.batch.congested) await sleep(20);
    const failing = gw.batch.faulty || gw.scarce;
    if (failing !== '') throw new Error(`the store is failing (${failing}); ${i} receipts were replayed`);
    if (gw.stopping) throw new Error(`the gateway is stopping; ${i} receipts were replayed`);
    if (gw.state.active.size + gw.state.frozen.count >= gw.config.store.hotMessages) {
      throw new Error(`no room: store.hotMessages messages are kept already; ${i} receipts were replayed`);
    }
    for (const record of records.slice(i, i + SLICE)) again(gw, record);
    await new Promise<void>((resolve) => gw.batch.effect(resolve, undefined, undefined, undefined));
  }
  return { replayed: records.length, more };
}

function again(gw: Gateway, r: MessageRecord): void {
  const value = {
    id: gw.state.nextId,
    kind: MT,
    publicId: gw.accounts.get(r.account)?.mapping.idPerDestination === true ? r.id : r.publicId,
    account: r.account,
    acceptedAt: r.acceptedAt,
    source: r.source,
    sourceTon: r.sourceTon,
    sourceNpi: r.sourceNpi,
    destination: r.destination,
    destTon: r.destTon,
    destNpi: r.destNpi,
    serviceType: '',
    esmClass: 0,
    protocolId: 0,
    priority: 0,
    dataCoding: 0,
    coding: 'octets' as const,
    registered: r.registered,
    flags: REPLAYED,
    scheduledAt: 0,
    // How long it waits for the platform: see keptUntil.
    validUntil: gw.clock.now() + keepOf(gw, r.account),
    udh: NO_OCTETS,
    octets: NO_OCTETS,
    tlvs: NO_OCTETS,
    carrier: r.carrier,
    stage: ENDED,
    tried: [],
    attempts: 0,
    retryAt: 0,
    cutCoding: 'octets' as const,
    cutOf: 0,
    cutRef: 0,
    segments: [],
    trace: [],
    state: r.stateCode,
    error: r.error,
    reason: r.reason,
    endedAt: r.endedAt,
    tellings: 0,
    submitter: 0,
    platformRef: Buffer.from(r.platformRef, 'hex').toString('latin1'),
  };
  const m = applyCarried(gw.state, value, gw.batch.add(plans.carried, value));
  gw.counters.replays++;
  gw.batch.effect(tell, gw, m, undefined);
}
