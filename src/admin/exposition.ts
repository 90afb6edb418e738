import type { Metric, Registry } from 'prom-client';
import { type Histogram, upperEdge } from '../base/histogram.ts';

export type Labels = Readonly<Record<string, string | number>>;

/** Takes one sample of a metric while it is scraped. */
export type Put = (value: number, labels?: Labels) => void;

interface Sample {
  readonly value: number;
  readonly labels: Labels;
  readonly metricName?: string;
}

/**
 * Metrics that are read, not kept: the program counts in plain fields, and a scrape looks at them. A prom-client counter
 * or gauge would hold a copy of every value under hashed labels; the registry asks no more of a metric than `get`.
 */
export interface Exposition {
  counter(name: string, help: string, read: (put: Put) => void): void;
  gauge(name: string, help: string, read: (put: Put) => void | Promise<void>): void;
  /**
   * A log-linear histogram under coarser edges. `unit`: what one of its ms is in the metric's unit (0.001 for seconds).
   * Edges are given in the histogram's own unit; those that are powers of two are exact.
   */
  histogram(
    name: string,
    help: string,
    edges: readonly number[],
    unit: number,
    read: (put: (histogram: Histogram, labels?: Labels) => void) => void,
  ): void;
}

export function createExposition(registry: Registry): Exposition {
  const add = (
    name: string,
    help: string,
    type: 'counter' | 'gauge' | 'histogram',
    read: (values: Sample[]) => void | Promise<void>,
  ): void => {
    const metric = {
      name,
      help,
      type,
      aggregator: 'sum',
      async get() {
        const values: Sample[] = [];
        await read(values);
        return { name, help, type, aggregator: 'sum', values };
      },
      reset: () => undefined,
    };
    registry.registerMetric(metric as unknown as Metric);
  };
  const putInto =
    (values: Sample[]): Put =>
    (value, labels = {}) =>
      void values.push({ value, labels });

  return {
    counter: (name, help, read) => add(name, help, 'counter', (values) => read(putInto(values))),
    gauge: (name, help, read) => add(name, help, 'gauge', (values) => read(putInto(values))),
    histogram(name, help, edges, unit, read) {
      add(name, help, 'histogram', (values) =>
        read((histogram, labels = {}) => {
          const below = cumulative(histogram, edges);
          edges.forEach((edge, k) => {
            values.push({ value: below[k]!, labels: { ...labels, le: edge * unit }, metricName: `${name}_bucket` });
          });
          values.push({ value: histogram.count, labels: { ...labels, le: '+Inf' }, metricName: `${name}_bucket` });
          values.push({ value: histogram.sumMs * unit, labels, metricName: `${name}_sum` });
          values.push({ value: histogram.count, labels, metricName: `${name}_count` });
        }),
      );
    },
  };
}

/** How many values are below each edge. */
function cumulative({ counts }: Histogram, edges: readonly number[]): number[] {
  const below: number[] = [];
  let bucket = 0;
  let total = 0;
  for (const edge of edges) {
    for (; bucket < counts.length && upperEdge(bucket) <= edge; bucket++) total += counts[bucket]!;
    below.push(total);
  }
  return below;
}
