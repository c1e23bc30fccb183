/**
 * Every metric that the observer holds, as data: what it is called, what it means, which labels it carries.
 */
import type { CounterName } from '../flow.ts';

/** One metric family; `name` is the full name. Units are the name's ending, as Prometheus asks for. */
export interface ObservedMetric {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram' | 'info';
  readonly help: string;
  readonly labels: readonly string[];
}

/** Counters that rooms raise by name (`Observer.count`), without the `netpulse_` prefix. */
export const COUNTERS: Readonly<Record<CounterName, { readonly help: string; readonly labels: readonly string[] }>> = {
  source_errors_total: { help: 'Errors while reading a source, by reason.', labels: ['monitor', 'reason'] },
  source_skipped_ticks_total: { help: 'Ticks left out because the previous one took too long.', labels: ['monitor'] },
  source_restarts_total: { help: 'Restarts of a source after it failed.', labels: ['monitor'] },
  samples_late_total: {
    help: 'Samples left out because their time was before one already seen.',
    labels: ['monitor'],
  },
  clock_jumps_total: { help: 'Steps of the wall clock by more than half a second.', labels: [] },
  series_limit_hits_total: {
    help: 'Times that something was left off this page or counted as other because a limit of series was reached.',
    labels: ['limit'],
  },
  sink_dropped_total: { help: 'Records that an output had to drop.', labels: ['sink'] },
  store_errors_total: {
    help: 'Reads and writes of the state on disk that failed or were left out, by reason.',
    labels: ['store', 'reason'],
  },
  state_refused_total: {
    help: 'Files of saved state refused as damaged or foreign; their content is learnt again.',
    labels: ['kind', 'reason'],
  },
  training_failures_total: { help: 'Trainings that ended in an error.', labels: ['monitor', 'detector'] },
  web_requests_refused_total: { help: 'Requests refused by the web server, by reason.', labels: ['reason'] },
};

export const STAGE_METRICS = {
  success: {
    name: 'netpulse_stage_success',
    type: 'gauge',
    help: 'Whether the last run of a stage of the pipeline succeeded.',
    labels: ['stage'],
  },
  duration: {
    name: 'netpulse_stage_duration_seconds',
    type: 'gauge',
    help: 'Duration of the last run of a stage.',
    labels: ['stage'],
  },
  rows: { name: 'netpulse_stage_rows_total', type: 'counter', help: 'Rows given to a stage.', labels: ['stage'] },
  errors: { name: 'netpulse_stage_errors_total', type: 'counter', help: 'Failed runs of a stage.', labels: ['stage'] },
} as const satisfies Record<string, ObservedMetric>;

export const SCORE_DURATION = {
  name: 'netpulse_score_duration_seconds',
  type: 'histogram',
  help: 'Time that one detector took to score one batch.',
  labels: ['detector'],
} as const satisfies ObservedMetric;

export const VERDICT_DELAY = {
  name: 'netpulse_verdict_delay_seconds',
  type: 'histogram',
  help: 'Time from a sample to its verdict.',
  labels: [],
} as const satisfies ObservedMetric;

export const BUILD_INFO = {
  name: 'netpulse_build_info',
  type: 'info',
  help: 'Version of this exporter and of the Node.js that runs it.',
  labels: ['version', 'node_version'],
} as const satisfies ObservedMetric;

export const PROCESS_METRICS = {
  cpu: {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'User and system CPU time spent by this process.',
    labels: [],
  },
  resident: {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory of this process.',
    labels: [],
  },
  start: {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'Start of this process since the epoch.',
    labels: [],
  },
  openFds: { name: 'process_open_fds', type: 'gauge', help: 'Open file descriptors of this process.', labels: [] },
  maxFds: {
    name: 'process_max_fds',
    type: 'gauge',
    help: 'Most file descriptors that this process may open.',
    labels: [],
  },
  heapTotal: {
    name: 'nodejs_heap_size_total_bytes',
    type: 'gauge',
    help: 'Size of the JavaScript heap.',
    labels: [],
  },
  heapUsed: {
    name: 'nodejs_heap_size_used_bytes',
    type: 'gauge',
    help: 'Used part of the JavaScript heap.',
    labels: [],
  },
  external: {
    name: 'nodejs_external_memory_bytes',
    type: 'gauge',
    help: 'Memory of objects outside the JavaScript heap, array buffers among them.',
    labels: [],
  },
  lagP50: {
    name: 'nodejs_eventloop_lag_p50_seconds',
    type: 'gauge',
    help: 'Median delay of the event loop since the previous scrape.',
    labels: [],
  },
  lagP99: {
    name: 'nodejs_eventloop_lag_p99_seconds',
    type: 'gauge',
    help: '99th percentile of the delay of the event loop since the previous scrape.',
    labels: [],
  },
  lagMax: {
    name: 'nodejs_eventloop_lag_max_seconds',
    type: 'gauge',
    help: 'Longest delay of the event loop since the previous scrape.',
    labels: [],
  },
} as const satisfies Record<string, ObservedMetric>;

/** All of the above, in the order of the page. */
export const OBSERVED_METRICS: readonly ObservedMetric[] = [
  ...Object.entries(COUNTERS).map(([name, { help, labels }]) => ({
    name: `netpulse_${name}`,
    type: 'counter' as const,
    help,
    labels,
  })),
  ...Object.values(STAGE_METRICS),
  SCORE_DURATION,
  VERDICT_DELAY,
  BUILD_INFO,
  ...Object.values(PROCESS_METRICS),
];
