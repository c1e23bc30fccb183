/**
 * Every metric that this room exposes, as data: the page, its documentation and the tests read the same table.
 * Names end in their unit. The page is what the exporter knows at the time of the scrape: it samples on its own timer, and says so in
 * `netpulse_source_last_sample_timestamp_seconds`.
 */

/** One metric family. `info` is a gauge of value 1 in the text format. */
export interface Declaration {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram' | 'info';
  readonly help: string;
  readonly labels: readonly string[];
}

const ENTITY = ['monitor', 'entity'] as const;
const DETECTOR = ['monitor', 'entity', 'detector'] as const;
const EXPECTED = ['monitor', 'entity', 'detector', 'feature'] as const;
const FEATURE = ['monitor', 'entity', 'feature'] as const;
const MODEL = ['monitor', 'group', 'detector'] as const;

/** One series an entity: at most ten. */
export const ENTITY_METRICS = {
  score: {
    name: 'netpulse_anomaly_score',
    type: 'gauge',
    help: 'How far from normal the last sample was; 1 is the threshold.',
    labels: ENTITY,
  },
  scoreMax: {
    name: 'netpulse_anomaly_score_max',
    type: 'gauge',
    help: 'Highest anomaly score of the last 60 seconds of samples, so that a slow scrape misses none.',
    labels: ENTITY,
  },
  confidence: {
    name: 'netpulse_anomaly_confidence_ratio',
    type: 'gauge',
    help: 'Agreeing share of the warm detectors, times how warm they are.',
    labels: ENTITY,
  },
  severity: {
    name: 'netpulse_anomaly_severity',
    type: 'gauge',
    help: 'Severity of the last sample: 0 none, 1 low, 2 medium, 3 high.',
    labels: ENTITY,
  },
  samples: { name: 'netpulse_samples_total', type: 'counter', help: 'Samples seen.', labels: ENTITY },
  anomalous: {
    name: 'netpulse_anomalous_samples_total',
    type: 'counter',
    help: 'Samples with a score of 1 or more.',
    labels: ENTITY,
  },
  health: {
    name: 'netpulse_health_ratio',
    type: 'gauge',
    help: 'Share of samples below the threshold, averaged over about five minutes.',
    labels: ENTITY,
  },
  incidentsActive: {
    name: 'netpulse_incidents_active',
    type: 'gauge',
    help: 'Open incidents that this entity opened.',
    labels: ENTITY,
  },
  budgetUsed: {
    name: 'netpulse_false_alarm_budget_used_ratio',
    type: 'gauge',
    help: 'Spent share of the false-alarm budget; above 1 it is overspent.',
    labels: ENTITY,
  },
  info: {
    name: 'netpulse_entity_info',
    type: 'info',
    help: 'Kind of the entity and the host it belongs to.',
    labels: ['monitor', 'entity', 'kind', 'host'],
  },
} as const satisfies Record<string, Declaration>;

/** For hosts, small monitors and the most anomalous entities. */
export const DETECTOR_METRICS = {
  smoothed: {
    name: 'netpulse_anomaly_score_smoothed',
    type: 'gauge',
    help: 'EWMA over 5 samples of the anomaly score: for severity and display, the score itself raises alarms.',
    labels: ENTITY,
  },
  score: {
    name: 'netpulse_detector_score',
    type: 'gauge',
    help: 'Calibrated score of one detector; 1 is its threshold.',
    labels: DETECTOR,
  },
  error: {
    name: 'netpulse_reconstruction_error',
    type: 'gauge',
    help: 'Raw score of one detector: for those that predict the values, how far off they were.',
    labels: DETECTOR,
  },
  threshold: {
    name: 'netpulse_reconstruction_error_threshold',
    type: 'gauge',
    help: 'Raw score at which the calibrated score is 1.',
    labels: DETECTOR,
  },
} as const satisfies Record<string, Declaration>;

/** For hosts and the most anomalous entities. Values are in the unit that netpulse_feature_info names. */
export const FEATURE_METRICS = {
  value: {
    name: 'netpulse_feature_value',
    type: 'gauge',
    help: 'Value of a feature, in the unit that netpulse_feature_info names.',
    labels: FEATURE,
  },
  expected: {
    name: 'netpulse_feature_expected_value',
    type: 'gauge',
    help: 'Value that would have been normal.',
    labels: FEATURE,
  },
  lower: {
    name: 'netpulse_feature_expected_lower',
    type: 'gauge',
    help: 'Lower edge of the band of normal values.',
    labels: FEATURE,
  },
  upper: {
    name: 'netpulse_feature_expected_upper',
    type: 'gauge',
    help: 'Upper edge of the band of normal values.',
    labels: FEATURE,
  },
  contribution: {
    name: 'netpulse_feature_contribution_ratio',
    type: 'gauge',
    help: 'Share of the anomaly score that a feature caused; absent below a score of 0.5.',
    labels: FEATURE,
  },
} as const satisfies Record<string, Declaration>;

/** Beside the baseline, for hosts and the most anomalous entities: what each detector that predicts values thought they would be. */
export const EXPECTED_METRICS = {
  value: {
    name: 'netpulse_detector_expected_value',
    type: 'gauge',
    help: 'Value of a feature that one detector expected: reconstructed, predicted, or told by the other features.',
    labels: EXPECTED,
  },
  lower: {
    name: 'netpulse_detector_expected_lower',
    type: 'gauge',
    help: 'Lower edge of the band of values that one detector expected.',
    labels: EXPECTED,
  },
  upper: {
    name: 'netpulse_detector_expected_upper',
    type: 'gauge',
    help: 'Upper edge of the band of values that one detector expected.',
    labels: EXPECTED,
  },
} as const satisfies Record<string, Declaration>;

export const FEATURE_INFO = {
  name: 'netpulse_feature_info',
  type: 'info',
  help: 'Unit of a feature.',
  labels: ['feature', 'unit'],
} as const satisfies Declaration;

/** Counted by monitor: every kind and severity is there from the start, as 0, which each entity could not afford. */
export const INCIDENT_METRICS = {
  opened: {
    name: 'netpulse_incidents_opened_total',
    type: 'counter',
    help: 'Incidents opened, by the kind they were given then.',
    labels: ['monitor', 'kind'],
  },
  closed: {
    name: 'netpulse_incidents_closed_total',
    type: 'counter',
    help: 'Incidents closed, by their final kind and highest severity.',
    labels: ['monitor', 'kind', 'severity'],
  },
} as const satisfies Record<string, Declaration>;

export const MODEL_METRICS = {
  info: {
    name: 'netpulse_model_info',
    type: 'info',
    help: 'Fitted model and its major version.',
    labels: [...MODEL, 'version_major'],
  },
  trained: {
    name: 'netpulse_model_trained_timestamp_seconds',
    type: 'gauge',
    help: 'When the model was fitted.',
    labels: MODEL,
  },
  rows: { name: 'netpulse_model_rows', type: 'gauge', help: 'Rows that the model was fitted on.', labels: MODEL },
  warmup: {
    name: 'netpulse_model_warmup_ratio',
    type: 'gauge',
    help: 'How much of what it needs to be trusted the model has seen; 1 means that it may open incidents.',
    labels: MODEL,
  },
} as const satisfies Record<string, Declaration>;

export const TRAINING_METRICS = {
  progress: {
    name: 'netpulse_training_progress_ratio',
    type: 'gauge',
    help: 'Done share of the training that runs; absent while none does.',
    labels: ['monitor'],
  },
  lastSuccess: {
    name: 'netpulse_training_last_success_timestamp_seconds',
    type: 'gauge',
    help: 'End of the last training that succeeded.',
    labels: ['monitor'],
  },
} as const satisfies Record<string, Declaration>;

export const SERVICE_METRICS = {
  sourceUp: {
    name: 'netpulse_source_up',
    type: 'gauge',
    help: 'Whether the source of a monitor delivers.',
    labels: ['monitor', 'source'],
  },
  lastSample: {
    name: 'netpulse_source_last_sample_timestamp_seconds',
    type: 'gauge',
    help: 'Time of the newest sample; sources are sampled on their own timers, not when this page is read.',
    labels: ['monitor', 'source'],
  },
  reloadSuccessful: {
    name: 'netpulse_config_last_reload_successful',
    type: 'gauge',
    help: 'Whether the last attempt to load the configuration succeeded.',
    labels: [],
  },
  reloadSuccess: {
    name: 'netpulse_config_last_reload_success_timestamp_seconds',
    type: 'gauge',
    help: 'When the configuration in force was loaded.',
    labels: [],
  },
} as const satisfies Record<string, Declaration>;

export const TOPOLOGY_METRICS = {
  node: {
    name: 'netpulse_topology_node_info',
    type: 'info',
    help: 'Node of the topology.',
    labels: ['node', 'kind', 'title'],
  },
  edgeUp: {
    name: 'netpulse_topology_edge_up',
    type: 'gauge',
    help: 'Whether a link of the topology is up; absent where that is not known.',
    labels: ['src', 'dst'],
  },
} as const satisfies Record<string, Declaration>;

/** The sections of the documentation, in the order of the page. */
export const SECTIONS: readonly { readonly title: string; readonly metrics: readonly Declaration[] }[] = [
  { title: 'Entities', metrics: Object.values(ENTITY_METRICS) },
  { title: 'Incidents', metrics: Object.values(INCIDENT_METRICS) },
  { title: 'Detectors', metrics: Object.values(DETECTOR_METRICS) },
  {
    title: 'Features',
    metrics: [...Object.values(FEATURE_METRICS), ...Object.values(EXPECTED_METRICS), FEATURE_INFO],
  },
  { title: 'Models and training', metrics: [...Object.values(MODEL_METRICS), ...Object.values(TRAINING_METRICS)] },
  { title: 'Sources and configuration', metrics: Object.values(SERVICE_METRICS) },
  { title: 'Topology', metrics: Object.values(TOPOLOGY_METRICS) },
];
