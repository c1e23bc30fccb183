/** The API description (OpenAPI 3.1) that `/api/openapi.json` serves and `/docs` prints. A test holds it against the routes and their answers. */
import { EXPORT_FORMATS, KINDS, MOST_INCIDENTS, SEVERITIES, STATES } from './incident-query.ts';
import { ref, schemas, type Schema } from './openapi-schemas.ts';

interface Parameter {
  name: string;
  in: 'query' | 'path';
  required?: boolean;
  description: string;
  schema: Schema;
}

interface Answer {
  description: string;
  content?: Record<string, { schema: Schema }>;
}

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  deprecated?: boolean;
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: Schema }> };
  security?: Record<string, string[]>[];
  responses: Record<string, Answer>;
}

export interface OpenApi {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string; license: { name: string; identifier: string } };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, Record<string, string>> };
}

const query = (name: string, description: string, schema: Schema): Parameter => ({
  name,
  in: 'query',
  description,
  schema,
});
const name = (what: string) => query(what, `only of this ${what}`, { type: 'string' });
const timeOf = (what: string, edge: string) =>
  query(what, `opened ${edge}: 2026-01-31T12:00:00Z, 2026-01-31 (UTC) or milliseconds since 1970`, { type: 'string' });

const filters: Parameter[] = [
  query('state', 'only open or only closed ones', { type: 'string', enum: STATES }),
  name('monitor'),
  name('entity'),
  name('host'),
  query('kind', 'only of this kind', { type: 'string', enum: KINDS }),
  query('severity', 'only of this severity', { type: 'string', enum: SEVERITIES }),
  timeOf('from', 'at or after'),
  timeOf('to', 'at or before'),
];
const limit = (byDefault: number) =>
  query('limit', 'at most so many, newest first', {
    type: 'integer',
    minimum: 1,
    maximum: MOST_INCIDENTS,
    default: byDefault,
  });

const plain = (description: string): Answer => ({
  description,
  content: { 'text/plain': { schema: { type: 'string' } } },
});
const page = (description: string): Answer => ({
  description,
  content: { 'text/html': { schema: { type: 'string' } } },
});
const json = (description: string, schema: Schema): Answer => ({
  description,
  content: { 'application/json': { schema } },
});
const problem = (description: string) => json(description, ref('Error'));

const closed = {
  '401': problem('A credential is configured and was not shown'),
  '403': problem('Foreign Origin or Host'),
};
const credential: Operation['security'] = [{}, { token: [] }, { user: [] }];

const incidents: Operation = {
  operationId: 'listIncidents',
  tags: ['Incidents'],
  summary: 'Incidents, newest first',
  parameters: [...filters, limit(50)],
  security: credential,
  responses: {
    '200': json('The incidents that match', ref('IncidentList')),
    '400': problem('An unknown or wrong parameter'),
    ...closed,
  },
};
const models: Operation = {
  operationId: 'listModels',
  tags: ['Models'],
  summary: 'Fitted detectors with their versions, warm-up and thresholds',
  security: credential,
  responses: { '200': json('All models', ref('ModelList')), ...closed },
};
const alias = (operation: Operation, operationId: string, of: string): Operation => ({
  ...operation,
  operationId,
  summary: `The same as ${of}`,
  deprecated: true,
});
const reload = (operationId: string): Operation => ({
  operationId,
  tags: ['Service'],
  summary: 'Read the configuration again',
  description:
    'Monitors that did not change keep their state; a configuration with problems changes nothing. Without any credential configured only this machine may reload.',
  security: credential,
  responses: {
    '200': plain('The new configuration is in force'),
    '401': plain('A credential is configured and was not shown'),
    '403': plain('Another machine without a credential, or a foreign Origin or Host'),
    '500': plain('Every problem of the new configuration; the old one is still in force'),
  },
});

const paths: OpenApi['paths'] = {
  '/': {
    get: {
      operationId: 'landingPage',
      tags: ['Service'],
      summary: 'Live status for people',
      responses: { '200': page('A page') },
    },
  },
  '/metrics': {
    get: {
      operationId: 'metrics',
      tags: ['Service'],
      summary: 'All metrics for Prometheus, as text or OpenMetrics',
      responses: {
        '200': {
          description: 'The format that the Accept header prefers',
          content: {
            'text/plain': { schema: { type: 'string' } },
            'application/openmetrics-text': { schema: { type: 'string' } },
          },
        },
        '503': plain('Too many scrapes at the same time'),
      },
    },
  },
  '/-/healthy': {
    get: {
      operationId: 'healthy',
      tags: ['Service'],
      summary: 'Whether the process answers',
      responses: { '200': plain('It does') },
    },
  },
  '/-/ready': {
    get: {
      operationId: 'ready',
      tags: ['Service'],
      summary: 'Whether everything has started',
      responses: { '200': plain('It has'), '503': plain('Starting or stopping') },
    },
  },
  '/-/reload': { post: reload('reload'), put: reload('reloadByPut') },
  '/docs': {
    get: {
      operationId: 'docs',
      tags: ['Service'],
      summary: 'This description as a page',
      responses: { '200': page('A page') },
    },
  },
  '/api/openapi.json': {
    get: {
      operationId: 'openapi',
      tags: ['Service'],
      summary: 'This description as OpenAPI 3.1',
      security: credential,
      responses: { '200': json('The document', { type: 'object' }), ...closed },
    },
  },
  '/api/status': {
    get: {
      operationId: 'status',
      tags: ['Status'],
      summary: 'Monitors, entities with their scores, and the configuration in force',
      security: credential,
      responses: { '200': json('The status now', ref('Status')), ...closed },
    },
  },
  '/api/incidents': { get: incidents },
  '/api/incidents/export': {
    get: {
      operationId: 'exportIncidents',
      tags: ['Incidents'],
      summary: 'Incidents as a file',
      description: 'The header X-Total-Count says how many matched before the limit.',
      parameters: [
        ...filters,
        limit(MOST_INCIDENTS),
        query('format', 'form of the file', { type: 'string', enum: EXPORT_FORMATS, default: 'csv' }),
      ],
      security: credential,
      responses: {
        '200': {
          description: 'A file to save',
          content: { 'text/csv': { schema: { type: 'string' } }, 'application/json': { schema: ref('IncidentList') } },
        },
        '400': problem('An unknown or wrong parameter'),
        ...closed,
      },
    },
  },
  '/api/incidents/{id}': {
    get: {
      operationId: 'incident',
      tags: ['Incidents'],
      summary: 'One incident with the rows recorded around it',
      parameters: [
        { name: 'id', in: 'path', required: true, description: 'id of the incident', schema: { type: 'string' } },
      ],
      security: credential,
      responses: { '200': json('The incident', ref('IncidentDetail')), '404': problem('No such incident'), ...closed },
    },
  },
  '/api/anomalies': { get: alias(incidents, 'listAnomalies', '/api/incidents') },
  '/api/models': { get: models },
  '/api/model/info': { get: alias(models, 'modelInfo', '/api/models') },
  '/api/evaluation': {
    get: {
      operationId: 'listEvaluations',
      tags: ['Models'],
      summary: 'Results that were kept by netpulse evaluate --save',
      security: credential,
      responses: { '200': json('At most 50, newest first', ref('EvaluationList')), ...closed },
    },
  },
  '/api/monitors/{name}/ensemble': {
    post: {
      operationId: 'changeEnsemble',
      tags: ['Models'],
      summary: 'Change the detectors or the ensemble of a monitor while it runs',
      description:
        'Holds until the next reload or start, when the configuration file decides again. Members and weights change between two rows; other detectors start the monitor again with the state it had. No detector that stays changes its scores.',
      parameters: [
        { name: 'name', in: 'path', required: true, description: 'name of the monitor', schema: { type: 'string' } },
      ],
      requestBody: { required: true, content: { 'application/json': { schema: ref('EnsembleChange') } } },
      security: credential,
      responses: {
        '200': json('The monitor as it is now', ref('Monitor')),
        '400': problem('What is wrong; nothing was changed'),
        '404': problem('No such monitor'),
        ...closed,
      },
    },
  },
  '/api/topology': {
    get: {
      operationId: 'topology',
      tags: ['Topology'],
      summary: 'Nodes and links, with the worst score of each node',
      security: credential,
      responses: { '200': json('The topology', ref('Topology')), ...closed },
    },
  },
};

/** `prefix` is the path before every route, empty or `/x`. */
export function openApiDocument(version: string, prefix: string): OpenApi {
  return {
    openapi: '3.1.0',
    info: {
      title: 'NetPulse',
      version,
      description:
        'Scores, incidents and models of this exporter. Scores are calibrated: 1 is the threshold of every detector. Errors are JSON: {"error": {"message", "parameter"}}.',
      license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: prefix || '/' }],
    tags: [
      { name: 'Status', description: 'What is watched and how it is' },
      { name: 'Incidents', description: 'What happened' },
      { name: 'Models', description: 'What was learnt' },
      { name: 'Topology', description: 'What talks to what' },
      { name: 'Service', description: 'Pages, metrics, health and reload' },
    ],
    paths,
    components: {
      schemas,
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'The API token (--web.api-token-file)' },
        user: { type: 'http', scheme: 'basic', description: 'A user of the web configuration (--web.config.file)' },
      },
    },
  };
}
