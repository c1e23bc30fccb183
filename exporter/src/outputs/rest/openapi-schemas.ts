/** The data of the API as JSON Schema (OpenAPI 3.1): what `wire/` says in TypeScript, in words for those who read JSON. */
import { KINDS, SEVERITIES, STATES } from './incident-query.ts';

/** A JSON Schema. Only what this document uses. */
export interface Schema {
  type?: string | string[];
  description?: string;
  enum?: readonly unknown[];
  minimum?: number;
  maximum?: number;
  default?: unknown;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  allOf?: Schema[];
  $ref?: string;
}

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const text = (description?: string): Schema => ({ type: 'string', description });
const number = (description?: string): Schema => ({ type: 'number', description });
const integer = (description?: string): Schema => ({ type: 'integer', description });
const flag = (description?: string): Schema => ({ type: 'boolean', description });
const choice = (values: readonly string[], description?: string): Schema => ({
  type: 'string',
  enum: values,
  description,
});
const list = (items: Schema, description?: string): Schema => ({ type: 'array', items, description });
const mapOf = (values: Schema, description?: string): Schema => ({
  type: 'object',
  additionalProperties: values,
  description,
});
const orNull = (schema: Schema): Schema => ({ ...schema, type: [String(schema.type), 'null'] });
const time = (what: string): Schema => integer(`${what}, milliseconds since 1970`);

/** Every property is always there; what may be missing is null. */
function object(description: string, properties: Record<string, Schema>): Schema {
  return { type: 'object', description, properties, required: Object.keys(properties) };
}

const numbers = (description: string) => list(orNull(number()), description);
const share = number('share of the score, 0 to 1; all shares of one verdict add up to 1');

export const schemas: Record<string, Schema> = {
  Error: object('Why a request was not answered', {
    error: {
      type: 'object',
      properties: { message: text('one sentence'), parameter: text('the query parameter that is wrong') },
      required: ['message'],
    },
  }),
  Status: object('What the exporter watches and how it is', {
    apiVersion: { type: 'integer', enum: [1] },
    version: text('version of NetPulse'),
    startedAt: time('start of the process'),
    now: time('time of this answer'),
    hostname: text(),
    inventory: mapOf({ type: ['string', 'number'] }, 'operating system, kernel, CPU and memory of this host'),
    config: object('the configuration in force', {
      file: orNull(text('null without a file')),
      lastReloadSuccessful: flag(),
      lastReloadAt: time('last attempt'),
      lastReloadError: orNull(text('every problem of the configuration that was refused')),
    }),
    monitors: list(ref('Monitor')),
    entities: list(ref('Entity'), 'at most 500, most anomalous first'),
    entitiesTotal: integer(),
    incidentsOpen: integer(),
  }),
  Monitor: object('A configured job: one source, its features and detectors', {
    monitor: text(),
    source: text('kind of source'),
    up: flag(),
    error: orNull(text('why the source is down')),
    intervalMs: number('between samples'),
    stepMs: number('between the rows that models see'),
    entities: integer(),
    features: integer(),
    samples: integer('since the start'),
    detectors: list(
      object('A detector of the monitor', {
        detector: text(),
        warmup: number('0 to 1; 1 = trusted'),
        trusted: flag('its score may open incidents'),
        note: orNull(text('what it waits for, or why it was left out')),
      }),
    ),
  }),
  Entity: object('What is watched: a host, interface, disk, target', {
    monitor: text(),
    entity: text('stable id'),
    kind: text(),
    host: text(),
    score: orNull(number('1 is the threshold')),
    confidence: orNull(number('0 to 1')),
    severity: choice(['none', ...SEVERITIES]),
    openIncident: orNull(text('id')),
    lastSampleAt: orNull(time('last sample')),
    topFeatures: list(
      object('A feature that caused the score', {
        feature: text(),
        unit: text(),
        share,
        value: orNull(number()),
        expected: orNull(number()),
      }),
      'largest share first, at most three; empty below score 0.5',
    ),
  }),
  Incident: object('Verdicts joined over time', {
    id: text(),
    state: choice(STATES),
    host: text(),
    monitor: text(),
    entity: text(),
    kind: choice(KINDS, 'what it is, as known now'),
    firstKind: choice(KINDS, 'what it was taken for when it opened'),
    severity: choice(SEVERITIES),
    peak: number('highest score, 1 is the threshold'),
    confidence: number('0 to 1, at the peak'),
    startedAt: time('first row at or above the threshold'),
    openedAt: time('opened'),
    lastHotAt: time('last hot row'),
    closedAt: orNull(time('closed')),
    rows: integer('rows since the start'),
    sources: list(
      object('A monitor and entity that took part', {
        monitor: text(),
        entity: text(),
        kind: choice(KINDS),
        peak: number('highest score, 1 is the threshold'),
      }),
      'the first one opened the incident',
    ),
    contributions: list(
      object('A feature in the verdict at the peak; values in its own unit', {
        feature: text(),
        unit: text(),
        share,
        value: orNull(number()),
        expected: orNull(number()),
        lower: orNull(number()),
        upper: orNull(number()),
      }),
      'largest share first',
    ),
    summary: text('one sentence'),
    checks: list(text(), 'what to look at first'),
    newNormal: flag('it lasted so long that its level has become the new normal'),
    features: list(text(), 'names of the columns of frames'),
  }),
  IncidentDetail: {
    allOf: [
      ref('Incident'),
      object('with its bounded recording', {
        frames: list(
          object('One row near the incident; arrays run parallel to `features`', {
            time: time('time of the row'),
            score: number('1 is the threshold'),
            values: numbers('null = missing'),
            expected: numbers('what was expected'),
            lower: numbers('lower edge of the expected band'),
            upper: numbers('upper edge of the expected band'),
          }),
        ),
      }),
    ],
  },
  IncidentList: object('Incidents, newest first', {
    total: integer('how many matched, before the limit'),
    incidents: list(ref('Incident')),
  }),
  ModelList: object('Fitted detectors', {
    models: list(
      object('One fitted detector of one group of entities', {
        monitor: text(),
        group: text(),
        detector: text(),
        version: orNull(text()),
        trainedAt: orNull(time('fitted')),
        rows: integer('rows it was fitted on'),
        features: list(text()),
        warmup: number('0 to 1'),
        trusted: flag('its score may open incidents'),
        thresholds: list(
          object('Raw score at which the calibrated score is 1', { entity: text(), threshold: number() }),
          'at most 20',
        ),
        sha256: orNull(text('of the model file')),
        bytes: integer('size of the model file'),
        parameters: mapOf({ type: ['number', 'string'] }),
        lastError: orNull(text()),
        progress: orNull(
          object('of the fit under way; null while there is none', {
            share: number('0 to 1'),
            epoch: orNull(integer('null for detectors without epochs, and before the first')),
            epochs: orNull(integer()),
            trainLoss: orNull(number()),
            validationLoss: orNull(number()),
            startedAt: time('start of the fit'),
            secondsLeft: orNull(number('null until there is something to go by')),
          }),
        ),
        pinnedUntil: orNull(time('chosen by hand and not replaced before then')),
        aside: list(
          object('A version that was fitted and found worse than the one in force', {
            version: text(),
            trainedAt: time('fitted'),
            reason: text('why it is not in force'),
          }),
          'newest first',
        ),
      }),
    ),
  }),
  EvaluationList: object('Evaluations of tables on the command line', {
    evaluations: list(
      object('One of them', {
        name: text('as it was saved'),
        madeAt: time('made'),
        result: {
          type: 'object',
          description: 'as netpulse evaluate --format json prints it',
          additionalProperties: true,
        },
      }),
      'newest first',
    ),
  }),
  EnsembleChange: {
    type: 'object',
    description: 'What is to change; what is left out stays',
    properties: {
      ensemble: {
        type: 'object',
        properties: {
          method: choice(['mean', 'max', 'vote'], 'default mean'),
          members: mapOf(number(), 'weight by detector; default: what measures best among the detectors'),
          votes: integer('vote: members that must be above their own thresholds; default 2'),
        },
        additionalProperties: false,
      },
      detectors: list(text(), 'every detector of the monitor'),
    },
    additionalProperties: false,
  },
  Topology: object('What talks to what', {
    nodes: list(
      object('A node', {
        id: text(),
        kind: choice(['router', 'switch', 'firewall', 'server', 'database', 'workstation', 'cloud', 'unknown']),
        title: text(),
        labels: mapOf(text()),
        score: orNull(number('worst score of its entities, 1 is the threshold')),
        status: choice(['ok', 'warning', 'critical', 'unknown']),
      }),
    ),
    edges: list(
      object('A link', {
        source: text('node id'),
        target: text('node id'),
        up: orNull(flag()),
        bytesPerSecond: orNull(number()),
      }),
    ),
  }),
};
