import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Distribution } from '../times.ts';
import { milliseconds, share, whole } from './format.ts';
import { asIs, html, type Markup } from './markup.ts';
import { packageFile } from './package-file.ts';
import type { Fact, ReportPart, RunReport, RunVerdict, Tally } from './run-report.ts';

/** A report as one page that needs nothing from anywhere: its policy forbids all but its own scripts and styles. */
export function reportPage(report: RunReport): string {
  const { style, scripts } = assets();
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.map(hashOf).join(' ')}`,
    `style-src ${hashOf(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const { title, startedAt, seconds, verdict, parts } = report;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${asIs(style)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="quiet">started ${new Date(startedAt).toISOString()}, ran ${seconds.toFixed(1)} s</p>
${verdict === undefined ? [] : verdictOf(verdict)}
</header>
<main>
${parts.map(section)}
</main>
<script type="application/json" id="report">${asIs(inScript(report))}</script>
${scripts.map((script) => html`<script>${asIs(script)}</script>\n`)}</body>
</html>
`;
  return page.markup;
}

function section(part: ReportPart, k: number): Markup {
  const { name, imitates, facts, counts, charts, distributions, tallies } = part;
  const taken = distributions.filter((d) => d.count > 0);
  const known = tallies.filter((t) => t.rows.length > 0);
  return html`<section>
<h2>${name}</h2>
${imitates === '' ? [] : html`<p class="imitates">${imitates}</p>`}
${list('wide', facts)}
${list('counts', counts)}
<div class="charts">
${charts.map(
  (chart, c) => html`<figure data-part="${k}" data-chart="${c}">
<figcaption>${chart.title} <span>${chart.unit === 'ms' ? '' : chart.unit}</span></figcaption>
<div></div>
</figure>
`,
)}</div>
${taken.length === 0 ? [] : percentiles(taken, k)}
<div class="pair">
${known.map(tallyCard)}
</div>
<noscript><p class="quiet">The plots need scripts; the tables do not.</p></noscript>
</section>
`;
}

function verdictOf({ passed, words, checks }: RunVerdict): Markup {
  return html`<div class="verdict ${passed ? 'passed' : 'failed'}">
<p><b>${passed ? 'Passed' : 'Failed'}</b> ${words}</p>
</div>
${
  checks.length === 0
    ? []
    : html`<div class="card scroll"><table><thead><tr><th>check</th><th></th><th></th></tr></thead><tbody>
${checks.map(
  (c) => html`<tr><th scope="row">${c.name}</th><td class="${c.passed ? 'passed' : 'failed'}">${
    c.passed ? 'pass' : 'FAIL'
  }</td><td class="words">${c.detail}</td></tr>
`,
)}</tbody></table></div>`
}`;
}

function list(kind: string, facts: readonly Fact[]): Markup {
  if (facts.length === 0) return asIs('');
  return html`<dl class="${kind}">${facts.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${typeof value === 'number' ? whole(value) : value}</dd></div>
`,
  )}</dl>`;
}

/** Times of which one is so many times the other are seen together on a logarithmic axis only. */
const FAR_APART = 50;

function percentiles(taken: readonly Distribution[], k: number): Markup {
  const heads = ['', 'count', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'max'];
  const least = Math.min(...taken.map((d) => d.p50));
  const most = Math.max(...taken.map((d) => d.max));
  const [scale, words] = most > FAR_APART * least ? ['log', 'logarithmic'] : ['linear', 'from zero'];
  return html`<figure data-part="${k}" data-scale="${scale}">
<figcaption>Latency by percentile <button type="button" hidden>axis: ${words}</button></figcaption>
<div></div>
</figure>
<div class="card scroll"><table><thead><tr>${heads.map((h) => html`<th>${h}</th>`)}</tr></thead><tbody>
${taken.map(
  (d) =>
    html`<tr><th scope="row">${d.name}</th><td>${whole(d.count)}</td>${[d.mean, d.p50, d.p90, d.p99, d.p999, d.max].map(
      (ms) => html`<td>${milliseconds(ms)}</td>`,
    )}</tr>
`,
)}</tbody></table></div>`;
}

function tallyCard({ title, of, rows }: Tally): Markup {
  const sum = rows.reduce((n, row) => n + row.count, 0);
  return html`<div class="card"><h3>${title} <span>${of}</span></h3><table><tbody>
${rows.map(
  (row) => html`<tr><th scope="row">${row.name}</th><td class="bar">${barOf(row.count / sum)}</td><td>${whole(
    row.count,
  )}</td><td class="quiet">${share(row.count, sum)}</td></tr>
`,
)}</tbody></table></div>
`;
}

/** As a picture of attributes: a style would need the policy's leave. */
const barOf = (part: number): Markup =>
  html`<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width="${(100 * part).toFixed(
    2,
  )}" height="10"/></svg>`;

/** No text of the data may end the script that holds it. */
const inScript = (value: unknown): string => JSON.stringify(value).replace(/</g, '\\u003c');

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

interface Assets {
  readonly style: string;
  readonly scripts: readonly string[];
}

let read: Assets | undefined;

function assets(): Assets {
  if (read !== undefined) return read;
  const { resolve } = createRequire(import.meta.url);
  const text = (path: string): string => readFileSync(path, 'utf8').trim();
  const plot = text(resolve('uplot/dist/uPlot.iife.min.js'));
  read = {
    style: `${text(resolve('uplot/dist/uPlot.min.css'))}\n${text(packageFile('simulators/report/page.css'))}`,
    scripts: [plot, text(packageFile('simulators/report/page.js'))],
  };
  return read;
}
