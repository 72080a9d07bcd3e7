import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client';

/**
 * Figures of this process for Prometheus. Each room makes its own at the top of a file; all of them stand in one list, as the process has
 * one heap and one event loop. Made for hot paths: a child is bound to its labels once, and counting is an addition, while prom-client
 * builds a key of all labels each time. Labels come from closed sets, never from what a device sent.
 */
export interface Figure {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** How the figures of several processes become one. */
  readonly aggregator: 'sum' | 'max' | 'min' | 'first' | 'average' | 'omit';
  readonly values: readonly FigureValue[];
}

export interface FigureValue {
  readonly value: number;
  readonly labels: Labels;
  readonly metricName?: string;
}

export type Labels = Readonly<Record<string, string | number>>;

const readers: (() => Figure)[] = [];

export interface Count {
  add(count?: number): void;
}

/** Returns the child of given label values, which are to be bound once and kept. */
export function counter<Name extends string>(name: string, help: string): (labels: Readonly<Record<Name, string>>) => Count {
  const children = keptChildren<Count & { readonly labels: Labels; count: number }>((labels) => ({
    labels,
    count: 0,
    add(count = 1) {
      this.count += count;
    },
  }));
  readers.push(() => ({ name, help, type: 'counter', aggregator: 'sum', values: children.all().map(({ labels, count }) => ({ labels, value: count })) }));
  return children.of;
}

export interface Level {
  set(value: number): void;
}

export function gauge<Name extends string>(
  name: string,
  help: string,
  aggregator: Figure['aggregator'] = 'sum',
): (labels: Readonly<Record<Name, string>>) => Level {
  const children = keptChildren<Level & { readonly labels: Labels; level: number }>((labels) => ({
    labels,
    level: 0,
    set(value) {
      this.level = value;
    },
  }));
  readers.push(() => ({ name, help, type: 'gauge', aggregator, values: children.all().map(({ labels, level }) => ({ labels, value: level })) }));
  return children.of;
}

export interface Distribution {
  observe(value: number): void;
}

/** Seconds that one step of a request takes: 50 microseconds to 10 seconds. */
export const secondsBuckets = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 2.5, 10] as const;

/** `buckets`: upper bounds, rising. */
export function histogram<Name extends string>(
  name: string,
  help: string,
  buckets: readonly number[] = secondsBuckets,
): (labels: Readonly<Record<Name, string>>) => Distribution {
  const children = keptChildren((labels) => distribution(labels, buckets));
  readers.push(() => ({ name, help, type: 'histogram', aggregator: 'sum', values: children.all().flatMap((child) => child.values(name)) }));
  return children.of;
}

function distribution(labels: Labels, buckets: readonly number[]) {
  const counts = new Float64Array(buckets.length + 1);
  let sum = 0;
  return {
    labels,
    observe(value: number) {
      let index = 0;
      while (index < buckets.length && value > (buckets[index] as number)) index += 1;
      counts[index] = (counts[index] as number) + 1;
      sum += value;
    },
    values(name: string): FigureValue[] {
      let below = 0;
      const cumulated = [...buckets, '+Inf'].map((le, index) => {
        below += counts[index] as number;
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below };
      });
      return [...cumulated, { metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: below }];
    },
  };
}

function keptChildren<Child>(make: (labels: Labels) => Child) {
  const children = new Map<string, Child>();
  return {
    all: () => [...children.values()],
    of(labels: Labels): Child {
      const key = JSON.stringify(Object.entries(labels));
      const child = children.get(key) ?? make(labels);
      children.set(key, child);
      return child;
    },
  };
}

/** Children by two keys of closed sets, each bound when it is first asked for. */
export function boundPairs<First extends string, Second extends string, Child>(
  bind: (first: First, second: Second) => Child,
): (first: First, second: Second) => Child {
  const rows = new Map<First, Map<Second, Child>>();
  return (first, second) => {
    const known = rows.get(first)?.get(second);
    if (known !== undefined) return known;
    const row = rows.get(first) ?? new Map<Second, Child>();
    const child = bind(first, second);
    rows.set(first, row.set(second, child));
    return child;
  };
}

let ofProcess: Registry | undefined;

/** Every figure of this process, with what prom-client tells of its memory, event loop and garbage collection. */
export async function figuresHere(): Promise<readonly Figure[]> {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  const standard = (await ofProcess.getMetricsAsJSON()) as unknown as readonly Figure[];
  return [...standard, ...readers.map((read) => read())].map(withoutGaps);
}

/** What is no number cannot travel between processes; it says nothing either. */
function withoutGaps(figure: Figure): Figure {
  return { ...figure, values: figure.values.filter(({ value }) => Number.isFinite(value)) };
}

export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE;

/** Prometheus text of the figures of one process, or of several taken together; `more` is added as it is. */
export async function metricsText(processes: readonly (readonly Figure[])[], more: readonly Figure[] = []): Promise<string> {
  const [first = []] = processes;
  // A single process keeps what would be left out of a sum, such as its start time.
  const registry = processes.length > 1 ? AggregatorRegistry.aggregate(processes as unknown as object[]) : registryOf(first);
  const texts = [registry, registryOf(more)].map((part) => part.metrics());
  return (await Promise.all(texts)).join('\n');
}

function registryOf(figures: readonly Figure[]): Registry {
  const registry = new Registry();
  for (const figure of figures) registry.registerMetric({ name: figure.name, get: async () => figure } as unknown as Parameters<Registry['registerMetric']>[0]);
  return registry;
}
