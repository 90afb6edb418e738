import { type Bench, fail, notApplicable } from '../check.ts';
import type { Frame } from '../frame.ts';
import type { Message, Reported } from '../tongue.ts';
import type { Wire } from '../wire.ts';

// Status reports: of whom, of what, in which form, and again until they are answered.

interface Arrived {
  readonly wire: Wire;
  readonly frame: Frame;
  readonly report: Reported;
}

function reportOf(bench: Bench, key: string, number?: string) {
  return (frame: Frame, wire: Wire): Arrived | undefined => {
    const report = bench.tongue.report(frame);
    if (report === undefined || report.key !== key || !report.final) return undefined;
    if (number !== undefined && !sameNumber(report.number, number)) return undefined;
    return { wire, frame, report };
  };
}

/** Numbers are written with a country code and without. */
const sameNumber = (a: string, b: string): boolean => a.slice(-10) === b.slice(-10);

async function submitted(bench: Bench, message: Message): Promise<{ wire: Wire; key: (k?: number) => string }> {
  const { tongue } = bench;
  const wire = await bench.login();
  const submit = bench.submit(message);
  wire.send(submit);
  const answer = await bench.answerTo(wire, submit);
  if (tongue.code(answer) !== 0) fail(`the submit was refused with ${tongue.code(answer)}`);
  const request = { ...answer, octets: submit, body: submit.subarray(tongue.header.octets) };
  return { wire, key: (k) => tongue.key(request, answer, k) };
}

function needsEar(bench: Bench): void {
  if (bench.tongue.protocol === 'sgip' && !bench.listens) {
    notApplicable('reports come on connections that the target makes: give --listen');
  }
}

export async function reportComes(bench: Bench): Promise<void> {
  needsEar(bench);
  const { key } = await submitted(bench, { report: true });
  const arrived = await bench.anywhere(reportOf(bench, key()), bench.reportWithin);
  if (arrived === undefined) fail(`no report on ${key()} within ${bench.reportWithin} ms`);
  if (arrived.report.fault !== '') fail(arrived.report.fault);
  if (!sameNumber(arrived.report.number, bench.to)) fail(`the report names ${arrived.report.number}, not ${bench.to}`);
}

/** One report, and not another one, for each submit. */
export async function reportOnce(bench: Bench): Promise<void> {
  needsEar(bench);
  const { wire, key } = await submitted(bench, { report: true });
  if ((await bench.anywhere(reportOf(bench, key()), bench.reportWithin)) === undefined) fail('no report');
  // Another submit's report is behind a second one of the first, if there were one.
  const again = await submittedOn(bench, wire, { report: true });
  if ((await bench.anywhere(reportOf(bench, again), bench.reportWithin)) === undefined)
    fail('no report on the second submit');
  const count = bench.seen(reportOf(bench, key())).length;
  if (count > 1) fail(`${count} reports, all answered, on one submit`);
}

async function submittedOn(bench: Bench, wire: Wire, message: Message): Promise<string> {
  const { tongue } = bench;
  const submit = bench.submit(message);
  wire.send(submit);
  const answer = await bench.answerTo(wire, submit);
  return tongue.key({ ...answer, octets: submit, body: submit.subarray(tongue.header.octets) }, answer);
}

/** Not asked for: none comes, where one that was asked for later is there. */
export async function noReportUnasked(bench: Bench): Promise<void> {
  needsEar(bench);
  const { wire, key } = await submitted(bench, { report: false });
  const asked = await submittedOn(bench, wire, { report: true });
  if ((await bench.anywhere(reportOf(bench, asked), bench.reportWithin)) === undefined) {
    notApplicable('the target sends no reports at all');
  }
  if ((await bench.anywhere(reportOf(bench, key()), 300)) !== undefined) fail('a report came that was not asked for');
}

/**
 * A report that is not answered comes again: on its connection after the target's time, or after the next login. Until
 * then the platform has not got it.
 */
export async function reportRepeated(bench: Bench): Promise<void> {
  needsEar(bench);
  const { tongue } = bench;
  const { report: carries } = tongue.commands;
  bench.answering((request) => (request.command === carries ? undefined : tongue.answer(request)));
  const { wire, key } = await submitted(bench, { report: true });
  const first = await bench.anywhere(reportOf(bench, key()), bench.reportWithin);
  if (first === undefined) fail('no report');
  await bench.pause(50);
  const before = bench.seen(reportOf(bench, key())).length;
  bench.answering(undefined);
  wire.end();
  if (first.wire !== wire) first.wire.end();
  await bench.login();
  const again = await bench.anywhere((frame, w) => {
    const found = reportOf(bench, key())(frame, w);
    return found !== undefined && w !== first.wire ? found : undefined;
  }, bench.reportWithin);
  if (again === undefined) fail(`sent ${before} time without an answer, and not again after the next login`);
}

/** A report for each receiver of one submit, each under its own id. */
export async function reportOfEach(bench: Bench): Promise<void> {
  needsEar(bench);
  const { to } = bench;
  const numbers = [0, 1, 2].map((k) => to.slice(0, -1) + String((Number(to.slice(-1)) + k) % 10));
  const { key } = await submitted(bench, { report: true, to: numbers });
  for (const [k, number] of numbers.entries()) {
    const found = await bench.anywhere(reportOf(bench, key(k), number), bench.reportWithin);
    if (found === undefined) fail(`no report on receiver ${k + 1}, ${number}, under ${key(k)}`);
  }
}

/** A report that is refused or answered late holds up neither submits nor signs of life. */
export async function worksWhileReportWaits(bench: Bench): Promise<void> {
  needsEar(bench);
  const { tongue } = bench;
  bench.answering((request) => (request.command === tongue.commands.report ? undefined : tongue.answer(request)));
  const { wire, key } = await submitted(bench, { report: true });
  const arrived = await bench.anywhere(reportOf(bench, key()), bench.reportWithin);
  if (arrived === undefined) fail('no report');
  const submit = bench.submit();
  wire.send(submit);
  await bench.answerTo(wire, submit);
  bench.answering(undefined);
  const late = tongue.answer(arrived.frame);
  if (late !== undefined && !arrived.wire.closed) arrived.wire.send(late);
}

/** Requests of the target carry commands of a server, under sequences of its own that are not open twice. */
export async function serverSequences(bench: Bench): Promise<void> {
  needsEar(bench);
  const { tongue } = bench;
  const wire = await bench.login();
  const keys: string[] = [];
  for (let n = 0; n < 5; n++) keys.push(await submittedOn(bench, wire, { report: true }));
  for (const key of keys) {
    if ((await bench.anywhere(reportOf(bench, key), bench.reportWithin)) === undefined) fail(`no report on ${key}`);
  }
  const used = new Map<string, string>();
  const twice = bench.seen((frame, w) => {
    const key = tongue.report(frame)?.key;
    if (key === undefined || !keys.includes(key)) return undefined;
    const at = `${w.socket.localPort}:${frame.sequence}`;
    const before = used.get(at);
    used.set(at, key);
    return before !== undefined && before !== key ? frame.sequence : undefined;
  });
  if (twice.length > 0) fail(`two reports under sequence ${twice[0]} on one connection`);
}
