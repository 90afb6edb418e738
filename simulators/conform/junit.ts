import type { Finding } from './check.ts';

const escaped = (text: string): string =>
  text
    // XML 1.0 has no way to write most control characters.
    .replace(/[^\t\n\r\x20-\ufffd]/g, '?')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');

/** Findings as a JUnit report: a test case each. */
export function junitOf(suite: string, findings: readonly Finding[]): string {
  const count = (outcome: string): number => findings.filter((f) => f.outcome === outcome).length;
  const seconds = (ms: number): string => (ms / 1000).toFixed(3);
  const cases = findings.map((f) => {
    const head = `    <testcase classname="${escaped(suite)}" name="${escaped(f.name)}" time="${seconds(f.ms)}"`;
    if (f.outcome === 'pass') return `${head}/>`;
    if (f.outcome === 'n/a') return `${head}>\n      <skipped message="${escaped(f.came)}"/>\n    </testcase>`;
    const detail = escaped([`expected (${f.section}): ${f.expected}`, ...f.exchange].join('\n'));
    return `${head}>\n      <failure message="${escaped(f.came)}">${detail}</failure>\n    </testcase>`;
  });
  const time = seconds(findings.reduce((ms, f) => ms + f.ms, 0));
  const totals = `tests="${findings.length}" failures="${count('fail')}" skipped="${count('n/a')}" time="${time}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${totals}>`,
    `  <testsuite name="${escaped(suite)}" ${totals}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}
