import { type Ground, prepareGround, setUp, type Target } from './bench.ts';
import { type Check, type Finding, verdictOf } from './check.ts';

const LINES = 60;

/** Runs checks against one target, one behind the other; `onFinding` hears of each as it ends. */
export async function runChecks(
  checks: readonly Check[],
  target: Target,
  onFinding: (finding: Finding) => void = () => undefined,
): Promise<readonly Finding[]> {
  const ground = await prepareGround(target);
  const findings: Finding[] = [];
  try {
    for (const check of checks) {
      const finding = await runCheck(check, ground);
      findings.push(finding);
      onFinding(finding);
    }
  } finally {
    await ground.stop();
  }
  return findings;
}

/** No check takes longer than its waits, but a fault of ours shall not hang a CI. */
const bound = ({ within, reportWithin }: Target): number => 8 * within + 3 * reportWithin;

async function runCheck(check: Check, ground: Ground): Promise<Finding> {
  const exchange: string[] = [];
  const { bench, clear } = setUp(ground, (line) => {
    if (exchange.length === LINES) exchange.splice(4, 1);
    exchange.push(line);
  });
  const start = performance.now();
  let late: NodeJS.Timeout | undefined;
  const { name, section, expects } = check;
  const outcome = await Promise.race([
    check.run(bench).then(() => ({ outcome: 'pass' as const, came: '' }), verdictOf),
    new Promise<{ outcome: 'fail'; came: string }>((resolve) => {
      const ms = bound(ground.target);
      late = setTimeout(() => resolve({ outcome: 'fail', came: `the check did not end within ${ms} ms` }), ms);
    }),
  ]);
  clearTimeout(late);
  const lines = [...exchange];
  clear();
  return { name, section, expected: expects, ...outcome, exchange: lines, ms: Math.round(performance.now() - start) };
}
