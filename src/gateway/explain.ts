import { decode } from '../../protocols/text/charset.ts';
import { TextFault } from '../../protocols/text/segment.ts';
import { WireFault } from '../../protocols/wire/fault.ts';
import { specName } from '../../protocols/wire/pdu.ts';
import type { Clock } from '../base/clock.ts';
import { numberingOf } from '../config/numbering.ts';
import type { AccountConfig, CarrierConfig, Config } from '../config/schema.ts';
import type { CarrierMapping } from '../message/mapping.ts';
import { type Draft, type Message, MT, newSegment } from '../message/message.ts';
import { NUMBER, segmentsOf, sourceAllowed } from './accept.ts';
import { wishOf } from './account.ts';
import { type Carrier, createCarrier } from './carrier.ts';
import { CutFault, cut } from './cut.ts';
import { asCarrierSees } from './numbers.ts';
import { compileRoutes, matchesAny, type Passed, pick, type Route, type Rule, ruleFor } from './route.ts';
import { create } from './state.ts';

/** What is asked of a platform's submission, before it is one. */
export interface Question {
  readonly account: string;
  readonly draft: Draft;
}

export interface ExplainDeps {
  readonly clock: Clock;
  readonly carrierMappings: Readonly<Record<string, CarrierMapping>>;
  /** Version in which a carrier is spoken to. */
  readonly versionOf: (carrier: CarrierConfig) => number;
  /** Carriers taken to be without a bind; all others are taken to be up, empty and not throttling. */
  readonly down?: readonly string[];
}

export interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly why: string;
}

export interface ExplainedSegment {
  /** Octets of its text, without a header. */
  readonly octets: number;
  /** As the carrier reads it; undefined for binary. */
  readonly text: string | undefined;
}

/** A carrier that the message may take, in the order in which they are tried. */
export interface Alternative {
  readonly carrier: string;
  readonly protocol: string;
  /** The step of the rule, from 1, its share of it, and who shares it. */
  readonly step: number;
  readonly share: number;
  readonly sharedWith: readonly string[];
  /** Its queue would hold the message until it is up. */
  readonly waits: boolean;
  readonly passed: readonly { readonly carrier: string; readonly why: Passed }[];
  readonly coding: string | undefined;
  readonly segments: readonly ExplainedSegment[];
  /** The PDU of the first segment by the names of the specification, texts and octets left out. */
  readonly submit: { readonly command: string; readonly fields: Readonly<Record<string, unknown>> } | undefined;
  /** registered_delivery as it is sent. */
  readonly registeredDelivery: number | undefined;
  /** Why it cannot be sent there. */
  readonly fault: string | undefined;
}

export interface Explanation {
  readonly accepted: boolean;
  readonly checks: readonly Check[];
  readonly route: string | undefined;
  readonly rule: { readonly destination: string; readonly operator: string; readonly source: string } | undefined;
  /** In whose network the destination is, and what says so; undefined where nothing does. */
  readonly operator: { readonly name: string; readonly why: string } | undefined;
  readonly urgent: boolean;
  readonly receipt: 'always' | 'on failure' | 'on success' | 'no';
  /** The first is the one it would take. */
  readonly alternatives: readonly Alternative[];
}

/** A dry run: what would become of a message under this configuration. Changes nothing, sends nothing. */
export function explain(config: Config, question: Question, deps: ExplainDeps): Explanation {
  const { draft } = question;
  const account = config.accounts.find((a) => a.name === question.account || a.systemId === question.account);
  const route = account === undefined ? undefined : compileRoutes(config).get(account.route);
  const rule = route === undefined ? undefined : ruleFor(route, draft.source, draft.destination);
  const owner = numberingOf(config).ownerOf(draft.destination);
  const checks: Check[] = [];
  const check = (name: string, ok: boolean, why: string): void => void checks.push({ check: name, ok, why });

  check(
    'account',
    account !== undefined,
    account === undefined ? `none is called ${question.account}` : `system_id ${account.systemId}`,
  );
  if (account !== undefined) {
    check('enabled', account.enabled, account.enabled ? 'may submit' : 'it is disabled');
    const { allowedSources: sources } = account;
    check(
      'source',
      sourceAllowed(account, draft.source),
      sources.length === 0 ? 'any is allowed' : `allowed: ${sources.join(', ')}`,
    );
    const count = segmentsOf(draft);
    check('length', count <= 255, `counts for ${count} of at most 255 segments`);
    if (account.throughput > 0) {
      check('throughput', true, `${account.throughput} segments a second over all binds; not looked at here`);
    }
  }
  check('destination', NUMBER.test(draft.destination), 'three to twenty digits, perhaps with + in front');
  if (account !== undefined) {
    check(
      'route',
      rule !== undefined,
      route === undefined
        ? `there is no route ${account.route}`
        : rule === undefined
          ? `route ${route.name} has no rule for it`
          : `route ${route.name}, destination "${rule.destination}"${rule.operator === '' ? '' : `, operator ${rule.operator}`}`,
    );
  }

  const m = account === undefined ? undefined : messageOf(draft, account, deps.clock.now());
  const alternatives =
    m === undefined || route === undefined || rule === undefined ? [] : walk(config, route, rule, m, deps);
  const urgent =
    account?.priority === 'high' || draft.priority > 0 || matchesAny(config.priority.sources, draft.source);
  if (rule !== undefined) {
    const first = alternatives[0];
    check(
      'carrier',
      first !== undefined && first.fault === undefined,
      first === undefined ? 'none can take it' : (first.fault ?? `${first.carrier} takes it`),
    );
  }
  return {
    accepted: checks.every((c) => c.ok),
    checks,
    route: route?.name,
    rule:
      rule === undefined ? undefined : { destination: rule.destination, operator: rule.operator, source: rule.source },
    operator:
      owner === undefined
        ? undefined
        : { name: owner.operator, why: owner.prefix === '' ? 'list of ported numbers' : `prefix ${owner.prefix}` },
    urgent,
    receipt: (['no', 'always', 'on failure', 'on success'] as const)[(m?.registered ?? 0) & 3]!,
    alternatives,
  };
}

/** As accept makes it of a draft, with an id of nobody. */
function messageOf(draft: Draft, account: AccountConfig, now: number): Message {
  return create(
    {
      ...draft,
      id: 0,
      kind: MT,
      publicId: 0,
      account: account.name,
      acceptedAt: now,
      registered: (draft.registered & ~3 & 0xff) | wishOf(account, draft.registered),
      flags: 0,
      carrier: '',
    },
    0,
  );
}

/** Asks the route again and again, each time without the carriers already named. */
function walk(config: Config, route: Route, { steps }: Rule, m: Message, deps: ExplainDeps): Alternative[] {
  const accounts = new Map(config.accounts.map((a) => [a.name, { config: a }]));
  const carriers = new Map<string, Carrier>();
  for (const c of config.carriers) {
    const mapping = deps.carrierMappings[c.protocol];
    if (mapping === undefined) continue;
    const carrier = createCarrier(c, mapping, deps.clock, () => undefined);
    // A copy with its getters read: an idle carrier with room, that is up unless told otherwise.
    carriers.set(c.name, { ...carrier, up: !(deps.down ?? []).includes(c.name) });
  }
  const found: Alternative[] = [];
  for (;;) {
    const tried = found.map((a) => a.carrier);
    const { carrier, waits, passed } = pick(route, carriers, { source: m.source, destination: m.destination, tried });
    if (carrier === undefined || tried.includes(carrier.name)) return found;
    const step = steps.findIndex((s) => s.carriers.some((c) => c.name === carrier.name));
    const members = steps[step]?.carriers ?? [];
    const weight = members.reduce((n, c) => n + c.weight, 0);
    found.push({
      carrier: carrier.name,
      protocol: carrier.config.protocol,
      step: step + 1,
      share: (members.find((c) => c.name === carrier.name)?.weight ?? 1) / (weight || 1),
      sharedWith: members.filter((c) => c.name !== carrier.name).map((c) => c.name),
      waits,
      passed: passed.filter((p) => p.why !== 'tried'),
      ...sendingTo(carrier, { ...asCarrierSees(m, carrier.config, accounts) }, config.node.name, deps),
    });
  }
}

function withoutOctets(field: unknown): unknown {
  if (field instanceof Uint8Array) return `${field.length} octets`;
  if (Array.isArray(field)) return field.map(withoutOctets);
  if (typeof field !== 'object' || field === null) return field;
  return Object.fromEntries(Object.entries(field).map(([key, inner]) => [specName(key), withoutOctets(inner)]));
}

type Sending = Pick<Alternative, 'coding' | 'segments' | 'submit' | 'registeredDelivery' | 'fault'>;

function sendingTo({ config, mapping }: Carrier, m: Message, node: string, deps: ExplainDeps): Sending {
  try {
    const { coding, parts } = cut(m, config, mapping);
    m.cutCoding = coding;
    m.cutOf = parts.length;
    m.cutRef = parts.length > 1 ? 1 : 0;
    m.segments = parts.map((_, k) => newSegment(m, k));
    const { plan, value } = mapping.toSubmit(m, m.segments[0]!, parts[0]!, config, deps.versionOf(config), node);
    plan.encode(value, Buffer.alloc(plan.size(value)), 0);
    const fields: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(value)) fields[specName(key)] = withoutOctets(field);
    const { registeredDelivery } = value as { registeredDelivery?: unknown };
    return {
      coding,
      segments: parts.map((part) => ({
        octets: part.length,
        text: coding === 'octets' ? undefined : decode(part, coding),
      })),
      submit: { command: plan.name, fields },
      registeredDelivery: typeof registeredDelivery === 'number' ? registeredDelivery : undefined,
      fault: undefined,
    };
  } catch (error) {
    if (!(error instanceof CutFault || error instanceof TextFault || error instanceof WireFault)) throw error;
    return {
      coding: undefined,
      segments: [],
      submit: undefined,
      registeredDelivery: undefined,
      fault: error.message,
    };
  }
}
