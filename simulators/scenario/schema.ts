import { z } from 'zod';
import type { Coding } from '../../protocols/text/charset.ts';
import { LEGACY_CODINGS } from '../../protocols/text/legacy.ts';
import { NATIONAL_CODINGS } from '../../protocols/text/national.ts';
import { type BehaviourChange, BehaviourFault } from '../behaviour.ts';
import { changeOf } from './change-text.ts';
import { durationOf } from './duration.ts';
import { patternOf } from './when.ts';

const PROTOCOLS = ['smpp', 'cmpp', 'sgip', 'smgp'] as const;

const CODINGS = [
  'gsm7',
  'ascii',
  'latin1',
  'ucs2',
  'gbk',
  'octets',
  ...NATIONAL_CODINGS,
  ...LEGACY_CODINGS,
] as const satisfies readonly Coding[];

const given = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

const duration = z.unknown().transform((value, context): number => {
  const ms = durationOf(value);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: `is ${given(value)}; give a duration such as 500ms, 10s, 5m or 1h` });
  return z.NEVER;
});

const pattern = z.string().superRefine((text, context) => {
  try {
    patternOf(text);
  } catch (e) {
    context.addIssue({ code: 'custom', message: `${(e as Error).message}; give a glob such as *0001, or /regex/` });
  }
});

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: (i) => `is ${given(i.input)}; give HH:MM` });
const count = z.int().min(1);

const when = z.strictObject({
  probability: z.number().min(0).max(1).exactOptional(),
  every: count.exactOptional(),
  first: count.exactOptional(),
  after: count.exactOptional(),
  between: z.tuple([duration, duration]).readonly().exactOptional(),
  during: z
    .strictObject({ every: duration, for: duration, from: duration.exactOptional() })
    .refine((d) => d.every > 0, { error: 'gives no time; give every more than 0', path: ['every'] })
    .exactOptional(),
  daily: z.tuple([timeOfDay, timeOfDay]).readonly().exactOptional(),
  number: pattern.exactOptional(),
  text: pattern.exactOptional(),
  source: pattern.exactOptional(),
  account: z.string().exactOptional(),
  session: count.exactOptional(),
});

/** Checked by the behaviour itself. `folder`: where the files that it names are. */
const changeIn = (folder: string) =>
  z.unknown().transform((value, context): BehaviourChange => {
    try {
      if (typeof value !== 'object' || value === null) throw new BehaviourFault('', `is ${given(value)}`, 'give rules');
      return changeOf(value, folder);
    } catch (e) {
      if (!(e instanceof BehaviourFault)) throw e;
      const path = e.key === '' ? [] : e.key.split('.');
      context.addIssue({ code: 'custom', path, message: `${e.what}; ${e.remedy}` });
      return z.NEVER;
    }
  });

const ruleIn = (folder: string) =>
  z.strictObject({
    name: z.string().min(1),
    when: when.exactOptional(),
    // A seed is one for all: what it is in a rule would depend on the order of events.
    then: changeIn(folder).refine((change) => change.seed === undefined, {
      error: 'is one for the whole scenario; give it there',
      path: ['seed'],
    }),
  });

/** One thing to be done: at a time, after so many submits, or when both have come. */
const stepIn = (folder: string) =>
  z
    .strictObject({
      /** Since the start. */
      at: duration.exactOptional(),
      afterSubmits: z.int().min(0).exactOptional(),
      change: changeIn(folder).exactOptional(),
      addRule: ruleIn(folder).exactOptional(),
      removeRule: z.string().exactOptional(),
      /** A message from a handset. */
      mo: mo.exactOptional(),
      /** All connections are cut. */
      drop: z.literal(true).exactOptional(),
    })
    .refine((s) => s.at !== undefined || s.afterSubmits !== undefined, {
      error: 'has no time; give at or afterSubmits (both: when both have come)',
    })
    .refine((s) => Object.keys(s).some((key) => key !== 'at' && key !== 'afterSubmits'), {
      error: 'does nothing; give change, addRule, removeRule, mo or drop',
    });

const mo = z.strictObject({
  from: z.string(),
  to: z.string(),
  text: z.string(),
  coding: z.enum(CODINGS).exactOptional(),
  long: z.enum(['udh', 'udh16', 'payload']).exactOptional(),
  account: z.string().exactOptional(),
});

const clock = z.strictObject({
  mode: z.enum(['real', 'scaled', 'virtual']),
  /** The date when it starts. */
  start: z.iso.datetime({ offset: true }).exactOptional(),
  /** Of a scaled one: how often faster than real time. */
  speed: z.number().positive().exactOptional(),
  /** Of a virtual one: ms that pass with each submit. */
  perSubmit: duration.exactOptional(),
  /** Of a virtual one: real ms without input after which it goes on to the next thing that is due. */
  patience: duration.exactOptional(),
});

/** `folder`: where the files that it names are. */
export const scenarioIn = (folder: string) =>
  z.strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]*$/, { error: (i) => `is ${given(i.input)}; give small letters, digits and -` }),
    /** What of the real world it is. */
    imitates: z.string().min(1),
    protocols: z.array(z.enum(PROTOCOLS)).min(1).exactOptional(),
    version: z.string().exactOptional(),
    seed: z.int().min(0).exactOptional(),
    clock: clock.exactOptional(),
    behaviour: changeIn(folder).exactOptional(),
    rules: z
      .array(ruleIn(folder))
      .superRefine((rules, context) => {
        rules.forEach(({ name }, k) => {
          if (rules.findIndex((r) => r.name === name) < k) {
            context.addIssue({
              code: 'custom',
              path: [k, 'name'],
              message: `${given(name)} is taken; give each its own`,
            });
          }
        });
      })
      .exactOptional(),
    schedule: z.array(stepIn(folder)).exactOptional(),
  });

/** A scenario, all times in ms. */
export type Scenario = z.output<ReturnType<typeof scenarioIn>>;
export type Step = NonNullable<Scenario['schedule']>[number];
