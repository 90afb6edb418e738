// The plots of a report. uPlot comes before this script, the report's data as JSON in the page.
(() => {
  const report = JSON.parse(document.getElementById('report').textContent);
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const COLOURS = 6;
  const HEIGHT = 220;
  /** Fewer points than these are drawn as points too: a lone one would not be seen. */
  const FEW = 40;

  const figures = (n) => (n >= 100 ? Math.round(n).toLocaleString('en-US') : String(Number(n.toPrecision(3))));
  const milliseconds = (ms) => {
    if (ms === 0) return '0 ms';
    if (ms < 1) return `${figures(ms * 1000)} µs`;
    return ms < 1000 ? `${figures(ms)} ms` : `${figures(ms / 1000)} s`;
  };
  const clock = (s) => {
    const two = (n) => String(Math.floor(n)).padStart(2, '0');
    const whole = s >= 3600 ? `${Math.floor(s / 3600)}:${two((s % 3600) / 60)}` : String(Math.floor(s / 60));
    const rest = Number.isInteger(s) ? two(s % 60) : two(s % 60) + (s % 1).toFixed(1).slice(1);
    return `${whole}:${rest}`;
  };
  // 1 / (share left over): what HdrHistogram's plots have as their axis.
  const percent = (x) => {
    const nines = Math.max(0, Math.round(Math.log10(x)) - 2);
    return `${(100 * (1 - 1 / x)).toFixed(nines)} %`;
  };

  const axis = (more) => ({
    stroke: colour('--quiet'),
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
    font: '12px system-ui, sans-serif',
    ...more,
  });
  // From zero, so that twice as high is twice as much.
  /** Steps of an axis of seconds that a clock shows. */
  const CLOCK = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 604_800];
  /** Steps of an axis of things that are whole. */
  const WHOLE = Array.from({ length: 30 }, (_, k) => [1, 2, 5][k % 3] * 10 ** Math.floor(k / 3));
  const fromZero = (_, __, max) => [0, max > 0 ? max * 1.06 : 1];
  const legendValue = (format) => (_, value) => (value === null || value === undefined ? '–' : format(value));

  /** Lines that lie on each other are told apart by their widths: the later, the thinner. */
  const lines = (names, format, few) =>
    names.map((name, k) => ({
      label: name,
      stroke: colour(`--c${k % COLOURS}`),
      width: Math.max(1.25, 4 - k * 0.9),
      points: { show: few, size: 5 },
      value: legendValue(format),
    }));

  function overTime(part, chart, place) {
    const format = chart.unit === 'ms' ? milliseconds : figures;
    const names = chart.lines.map((l) => l.name);
    return {
      data: [part.times, ...chart.lines.map((l) => l.values)],
      options: {
        cursor: { sync: { key: part.name }, y: false },
        scales: { x: { time: false, range: [0, Math.max(1, part.times.at(-1) ?? 1)] }, y: { range: fromZero } },
        axes: [
          axis({ values: (_, ticks) => ticks.map(clock), space: 60, incrs: CLOCK }),
          axis({
            values: (_, ticks) => ticks.map(format),
            size: 72,
            ...(chart.unit === 'ms' || chart.unit === 'per second' ? {} : { incrs: WHOLE }),
          }),
        ],
        series: [{ label: 'at', value: legendValue(clock) }, ...lines(names, format, part.times.length <= FEW)],
      },
      place,
    };
  }

  function byShare(part, logarithmic, place) {
    const taken = part.distributions.filter((d) => d.count > 0);
    const tables = taken.map((d) => [
      d.points.map((p) => 1 / Math.max(1e-12, 1 - p.percentile / 100)),
      d.points.map((p) => p.ms),
    ]);
    const last = Math.max(10, ...tables.map(([x]) => x.at(-1)));
    const powers = (_, splits) => splits.map((x) => (Math.abs(Math.log10(x) % 1) < 1e-9 ? x : null));
    const atPowers = {
      filter: powers,
      grid: { stroke: colour('--grid'), width: 1, filter: powers },
      ticks: { stroke: colour('--line'), width: 1, filter: powers },
    };
    return {
      data: tables.length === 1 ? tables[0] : uPlot.join(tables),
      options: {
        scales: {
          x: { time: false, distr: 3, log: 10, range: [1, last] },
          y: logarithmic ? { distr: 3, log: 10 } : { range: fromZero },
        },
        axes: [
          axis({ ...atPowers, values: (_, ticks) => ticks.map((x) => (x === null ? null : percent(x))) }),
          axis({
            values: (_, ticks) => ticks.map((y) => (y === null ? null : milliseconds(y))),
            size: 72,
            ...(logarithmic ? atPowers : {}),
          }),
        ],
        series: [
          { label: 'no slower', value: legendValue((x) => `${(100 * (1 - 1 / x)).toPrecision(6)} %`) },
          ...lines(
            taken.map((d) => d.name),
            milliseconds,
            false,
          ),
        ],
      },
      place,
    };
  }

  const drawn = [];
  function draw({ data, options, place }) {
    const plot = new uPlot({ width: place.clientWidth, height: HEIGHT, ...options }, data, place);
    drawn.push({ plot, place });
    return plot;
  }

  function drawAll() {
    for (const { plot } of drawn.splice(0)) plot.destroy();
    for (const figure of document.querySelectorAll('figure')) {
      const part = report.parts[Number(figure.dataset.part)];
      const place = figure.querySelector('div');
      if (figure.dataset.chart !== undefined) {
        draw(overTime(part, part.charts[Number(figure.dataset.chart)], place));
        continue;
      }
      draw(byShare(part, figure.dataset.scale === 'log', place));
    }
  }

  for (const button of document.querySelectorAll('figure button')) {
    button.hidden = false;
    button.addEventListener('click', () => {
      const { dataset } = button.closest('figure');
      dataset.scale = dataset.scale === 'log' ? 'linear' : 'log';
      button.textContent = dataset.scale === 'log' ? 'axis: logarithmic' : 'axis: from zero';
      drawAll();
    });
  }
  drawAll();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  addEventListener('resize', () => {
    for (const { plot, place } of drawn) plot.setSize({ width: place.clientWidth, height: HEIGHT });
  });
})();
