import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import { codeName } from './code-names.ts';
import type { Lab, LabCarrier } from './lab.ts';
import { OCTAVES, type Octaves } from './times.ts';

type Labels = Readonly<Record<string, string>>;
type Put = (value: number, more?: Labels) => void;

/** Of a carrier, so many state words and codes get a label of their own; the others share one. */
const WORDS = 64;

/**
 * The metrics of a lab, all of them by carrier, in a registry of its own. They are read from the books when they are
 * asked for.
 */
export function labMetrics(lab: Lab): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'lab_' });

  const labelsOf = ({ name, protocol }: LabCarrier): Labels => ({ carrier: name, protocol });
  const counter = (name: string, help: string, read: (one: LabCarrier, put: Put) => void, label?: string): void => {
    new Counter({
      name,
      help,
      labelNames: ['carrier', 'protocol', ...(label === undefined ? [] : [label])],
      registers: [registry],
      collect() {
        this.reset();
        for (const one of lab.carriers) read(one, (value, more) => this.inc({ ...labelsOf(one), ...more }, value));
      },
    });
  };
  const gauge = (name: string, help: string, read: (one: LabCarrier, put: Put) => void, label?: string): void => {
    new Gauge({
      name,
      help,
      labelNames: ['carrier', 'protocol', ...(label === undefined ? [] : [label])],
      registers: [registry],
      collect() {
        this.reset();
        for (const one of lab.carriers) read(one, (value, more) => this.set({ ...labelsOf(one), ...more }, value));
      },
    });
  };
  /** prom-client's own would look for the bucket of every duration by itself: the registry asks no more than `get`. */
  const histogram = (name: string, help: string, read: (one: LabCarrier) => Octaves): void => {
    const base = { name, help, type: 'histogram', aggregator: 'sum' };
    const get = async () => ({
      ...base,
      values: lab.carriers.flatMap((one) => samples(name, labelsOf(one), read(one))),
    });
    registry.registerMetric({ ...base, get, reset: () => undefined } as unknown as Metric);
  };

  const count = (name: string, help: string, key: keyof LabCarrier['carrier']['books']['counts']): void =>
    counter(name, help, ({ carrier }, put) => put(carrier.books.counts[key]));
  new Gauge({
    name: 'lab_carrier_info',
    help: 'What a carrier plays: always 1.',
    labelNames: ['carrier', 'protocol', 'scenario', 'seed'],
    registers: [registry],
    collect() {
      this.reset();
      for (const one of lab.carriers) {
        const { scenario, carrier } = one;
        this.set({ ...labelsOf(one), scenario: scenario?.name ?? '', seed: String(carrier.behaviour.seed) }, 1);
      }
    },
  });
  count('lab_connections_total', 'Connections.', 'connections');
  counter(
    'lab_logins_total',
    'Logins by what was said to them.',
    ({ carrier }, put) => {
      put(carrier.books.counts.binds, { outcome: 'accepted' });
      put(carrier.books.counts.bindsRefused, { outcome: 'refused' });
    },
    'outcome',
  );
  count('lab_disconnects_total', 'Connections that the carrier cut on purpose.', 'disconnects');
  count('lab_submits_total', 'Submits that came.', 'submits');
  count('lab_submits_accepted_total', 'Submits that were accepted.', 'accepted');
  counter(
    'lab_submits_refused_total',
    'Submits that were refused, by code.',
    ({ carrier, protocol }, put) => byWord(carrier.books.codes, (code) => codeName(protocol, code), 'code', put),
    'code',
  );
  count('lab_submits_unanswered_total', 'Submits that never get an answer.', 'silent');
  count('lab_answers_total', 'Answers to submits, good or bad.', 'answered');
  count('lab_answers_spoilt_total', 'Answers that were spoilt on the wire.', 'spoilt');
  counter(
    'lab_reports_total',
    'Reports that were sent, those sent again too, by final state.',
    ({ carrier }, put) => byWord(carrier.books.states, (word) => word, 'state', put),
    'state',
  );
  count('lab_reports_answered_total', 'Reports that the other side took.', 'reportsAnswered');
  count('lab_reports_refused_total', 'Reports that the other side refused.', 'reportsRefused');
  count('lab_reports_repeated_total', 'Reports sent again: refused, not answered, or cut off.', 'reportsRepeated');
  count('lab_reports_withheld_total', 'Reports that are never sent.', 'reportsWithheld');
  count('lab_mo_total', 'Parts of messages from handsets that were sent.', 'mos');
  count('lab_mo_answered_total', 'Those of them that the other side took.', 'mosAnswered');
  count('lab_frames_unreadable_total', 'Frames that could not be read.', 'malformed');
  count('lab_stray_answers_total', 'Answers to nothing that is open.', 'stray');
  gauge('lab_sessions', 'Sessions that are logged in.', ({ carrier }, put) => put(carrier.standing().sessions));
  gauge(
    'lab_open',
    'What is open: submits not answered, reports and MO not answered, those that wait for a session with room.',
    ({ carrier }, put) => {
      const { unanswered, inFlight, waiting } = carrier.standing();
      put(unanswered, { what: 'submits' });
      put(inFlight, { what: 'deliveries' });
      put(waiting, { what: 'waiting' });
    },
    'what',
  );
  gauge('lab_window_peak', 'Most submits of one session that were open at a time.', ({ carrier }, put) =>
    put(carrier.books.counts.windowPeak),
  );
  gauge('lab_submits_per_second', 'Submits in the last second.', ({ figures }, put) => put(figures.now?.submits ?? 0));
  gauge('lab_reports_per_second', 'Reports in the last second.', ({ figures }, put) => put(figures.now?.reports ?? 0));
  histogram('lab_answer_seconds', 'From a submit to its answer.', ({ figures }) => figures.octaves.answer);
  histogram('lab_report_seconds', 'From a submit to its report.', ({ figures }) => figures.octaves.report);
  histogram(
    'lab_report_answer_seconds',
    'From a report or MO to the answer of the other side.',
    ({ figures }) => figures.octaves.acknowledgement,
  );
  return registry;
}

function byWord<K>(counts: ReadonlyMap<K, number>, nameOf: (key: K) => string, label: string, put: Put): void {
  let k = 0;
  let others = 0;
  for (const [key, value] of counts) {
    if (k++ < WORDS) put(value, { [label]: nameOf(key) });
    else others += value;
  }
  if (others > 0) put(others, { [label]: 'other' });
}

interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName: string;
}

function samples(name: string, labels: Labels, { counts, sum }: Octaves): Sample[] {
  let below = 0;
  const buckets = [...counts].map((n, k): Sample => {
    below += n;
    const edge = OCTAVES[k];
    const le = edge === undefined ? '+Inf' : edge / 1000;
    return { value: below, labels: { ...labels, le }, metricName: `${name}_bucket` };
  });
  return [
    ...buckets,
    { value: sum / 1000, labels, metricName: `${name}_sum` },
    { value: below, labels, metricName: `${name}_count` },
  ];
}
