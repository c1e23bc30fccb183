/** The rest of the exporter as the web room sees it, with data that never changes: what tests and golden files stand on. */
import type { IncidentDetail } from '../../../wire/incident.ts';
import type { ModelList } from '../../../wire/model.ts';
import type { EntityStatus, MonitorStatus, Status } from '../../../wire/status.ts';
import type { Topology } from '../../../wire/topology.ts';
import type { IncidentQuery, Service } from '../../service.ts';

export const NOW = Date.UTC(2026, 0, 31, 12, 0, 0);
const MINUTE = 60_000;

export interface FixedData {
  status: Status;
  incidents: IncidentDetail[];
  models: ModelList;
  topology: Topology;
  metrics: string;
  ready: boolean;
  /** what a reload finds wrong; null = nothing */
  reloadError: string | null;
  /** changes of an ensemble that were taken */
  changes: unknown[];
}

/** A Service over `data`, which tests may change while it is served. `reloads` counts successful ones. */
export function fixedService(data: FixedData): Service & { reloads: number } {
  const matches = (incident: IncidentDetail, query: IncidentQuery) =>
    (['state', 'monitor', 'entity', 'host', 'kind', 'severity'] as const).every(
      (key) => query[key] === undefined || incident[key] === query[key],
    ) &&
    incident.openedAt >= (query.from ?? -Infinity) &&
    incident.openedAt <= (query.to ?? Infinity);
  return {
    reloads: 0,
    status: () => data.status,
    incidents(query) {
      const found = data.incidents.filter((incident) => matches(incident, query));
      return {
        total: found.length,
        incidents: found.slice(0, query.limit).map(({ frames: _frames, ...incident }) => incident),
      };
    },
    incident: (id) => data.incidents.find((incident) => incident.id === id),
    models: () => data.models,
    evaluations: () => ({ evaluations: [{ name: 'web', madeAt: NOW, result: { rows: 1000 } }] }),
    topology: () => data.topology,
    async metrics(accept) {
      const open = accept?.includes('application/openmetrics-text');
      return {
        contentType: open
          ? 'application/openmetrics-text; version=1.0.0; charset=utf-8'
          : 'text/plain; version=0.0.4; charset=utf-8',
        body: open ? `${data.metrics}# EOF\n` : data.metrics,
      };
    },
    async reload() {
      if (data.reloadError !== null) throw new Error(data.reloadError);
      this.reloads++;
    },
    async changeEnsemble(_monitor, change) {
      if (data.reloadError !== null) throw new Error(data.reloadError);
      data.changes.push(change);
    },
    ready: () => data.ready,
  };
}

export function monitor(name: string, more: Partial<MonitorStatus> = {}): MonitorStatus {
  return {
    monitor: name,
    source: name,
    up: true,
    error: null,
    intervalMs: 1000,
    stepMs: 15_000,
    entities: 5,
    features: 34,
    samples: 86_412,
    detectors: [
      { detector: 'baseline', warmup: 1, trusted: true, note: null },
      {
        detector: 'isolation-forest',
        warmup: 0.42,
        trusted: false,
        note: 'scores 13 h 55 min more of unseen rows first',
      },
    ],
    ...more,
  };
}

export function entity(name: string, more: Partial<EntityStatus> = {}): EntityStatus {
  return {
    monitor: 'host',
    entity: name,
    kind: 'host',
    host: 'web-01',
    score: 0.31,
    confidence: 1,
    severity: 'none',
    openIncident: null,
    lastSampleAt: NOW - 600,
    topFeatures: [],
    ...more,
  };
}

export function incident(id: string, more: Partial<IncidentDetail> = {}): IncidentDetail {
  return {
    id,
    state: 'open',
    host: 'web-01',
    monitor: 'host',
    entity: 'web-01',
    kind: 'cpu_spike',
    firstKind: 'unknown',
    severity: 'high',
    peak: 4.73,
    confidence: 0.97,
    startedAt: NOW - 4 * MINUTE - 12_000,
    openedAt: NOW - 4 * MINUTE,
    lastHotAt: NOW - 1000,
    closedAt: null,
    rows: 252,
    sources: [
      { monitor: 'host', entity: 'web-01', kind: 'cpu_spike', peak: 4.73 },
      { monitor: 'probe', entity: '10.0.0.1', kind: 'latency_surge', peak: 1.2 },
    ],
    contributions: [
      {
        feature: 'cpu_usage_ratio',
        unit: 'ratio',
        share: 0.81,
        value: 0.974,
        expected: 0.12,
        lower: 0.05,
        upper: 0.21,
      },
      { feature: 'load1_count', unit: 'count', share: 0.19, value: 11.4, expected: 0.9, lower: 0.2, upper: null },
    ],
    summary: 'CPU usage of web-01 is 97 %, usually 5 % to 21 %.',
    checks: [
      'Which processes use the CPU: top -o %CPU',
      'Did a job or a deployment start at 11:55?',
      'Is the load expected?',
    ],
    newNormal: false,
    features: ['cpu_usage_ratio', 'load1_count'],
    frames: [
      {
        time: NOW - 4 * MINUTE,
        score: 2.4,
        values: [0.95, 4.2],
        expected: [0.12, 0.9],
        lower: [0.05, 0.2],
        upper: [0.21, null],
      },
    ],
    ...more,
  };
}

/** A host with one anomaly, two more monitors, and a history of incidents. */
export function fixedData(): FixedData {
  const hot = { monitor: 'host', host: 'web-01', lastSampleAt: NOW - 400 };
  return {
    status: {
      apiVersion: 1,
      version: '0.1.0',
      startedAt: NOW - 26.2 * 60 * MINUTE,
      now: NOW,
      hostname: 'web-01',
      inventory: {
        system: 'Debian GNU/Linux 12',
        kernel: '6.1.0-28-amd64',
        cpu: 'AMD EPYC 7543P, 8 cores',
        memory: '31.3 GiB',
      },
      config: {
        file: '/etc/netpulse/netpulse.yaml',
        lastReloadSuccessful: true,
        lastReloadAt: NOW - 90 * MINUTE,
        lastReloadError: null,
      },
      monitors: [
        monitor('host'),
        monitor('probe', { entities: 2, features: 3, samples: 8640, intervalMs: 10_000, stepMs: 60_000 }),
      ],
      entities: [
        entity('web-01', {
          ...hot,
          score: 4.73,
          confidence: 0.97,
          severity: 'high',
          openIncident: 'inc-0007',
          topFeatures: [
            { feature: 'cpu_usage_ratio', unit: 'ratio', share: 0.81, value: 0.974, expected: 0.12 },
            { feature: 'context_switches_per_second', unit: 'per_second', share: 0.11, value: 48_211, expected: 5120 },
            { feature: 'load1_count', unit: 'count', share: 0.08, value: 11.4, expected: 0.9 },
          ],
        }),
        entity('10.0.0.1', {
          monitor: 'probe',
          kind: 'target',
          score: 1.62,
          confidence: 0.66,
          severity: 'medium',
          topFeatures: [{ feature: 'latency_seconds', unit: 'seconds', share: 1, value: 0.0418, expected: 0.00093 }],
        }),
        entity('eth0', {
          ...hot,
          kind: 'interface',
          score: 1.08,
          confidence: 0.5,
          severity: 'low',
          topFeatures: [
            {
              feature: 'receive_bytes_per_second',
              unit: 'bytes_per_second',
              share: 0.7,
              value: 41_200_000,
              expected: 2_310_000,
            },
            {
              feature: 'receive_packets_per_second',
              unit: 'packets_per_second',
              share: 0.3,
              value: 31_870,
              expected: 2140,
            },
          ],
        }),
        entity('sda', { ...hot, kind: 'disk', score: 0.42 }),
        entity('/', { ...hot, kind: 'filesystem', score: 0.07 }),
        entity('/srv/backup', { ...hot, kind: 'filesystem', score: null, confidence: null, lastSampleAt: null }),
        entity('1.1.1.1', { monitor: 'probe', kind: 'target', score: 0.22 }),
      ],
      entitiesTotal: 7,
      incidentsOpen: 2,
    },
    incidents: [
      incident('inc-0007'),
      incident('inc-0006', {
        entity: '10.0.0.1',
        monitor: 'probe',
        kind: 'latency_surge',
        severity: 'medium',
        peak: 1.62,
        confidence: 0.66,
        startedAt: NOW - 11 * MINUTE,
        openedAt: NOW - 10.5 * MINUTE,
        sources: [{ monitor: 'probe', entity: '10.0.0.1', kind: 'latency_surge', peak: 1.62 }],
        contributions: [
          {
            feature: 'latency_seconds',
            unit: 'seconds',
            share: 1,
            value: 0.0418,
            expected: 0.00093,
            lower: 0.0004,
            upper: 0.002,
          },
        ],
        summary: 'Latency to 10.0.0.1 is 41.8 ms, usually 0.4 ms to 2 ms.',
        checks: ['Is the gateway busy?', 'Do other targets see the same?'],
      }),
      incident('inc-0005', {
        state: 'closed',
        kind: 'memory_leak',
        firstKind: 'memory_pressure',
        severity: 'low',
        peak: 1.31,
        confidence: 0.82,
        startedAt: NOW - 7 * 60 * MINUTE,
        openedAt: NOW - 7 * 60 * MINUTE + 15_000,
        lastHotAt: NOW - 5 * 60 * MINUTE,
        closedAt: NOW - 5 * 60 * MINUTE + 60_000,
        sources: [{ monitor: 'host', entity: 'web-01', kind: 'memory_leak', peak: 1.31 }],
        contributions: [
          {
            feature: 'memory_used_ratio',
            unit: 'ratio',
            share: 0.9,
            value: 0.88,
            expected: 0.6,
            lower: 0.52,
            upper: 0.71,
          },
        ],
        summary: 'Memory of web-01 grew from 60 % to 88 % over two hours.',
        newNormal: true,
      }),
    ],
    models: {
      models: [
        {
          monitor: 'host',
          group: 'host',
          detector: 'isolation-forest',
          version: '1.4',
          trainedAt: NOW - 60 * MINUTE,
          rows: 5760,
          features: ['cpu_usage_ratio', 'load1_count'],
          warmup: 0.42,
          trusted: false,
          thresholds: [{ entity: 'web-01', threshold: 0.61 }],
          sha256: 'a'.repeat(64),
          bytes: 412_160,
          parameters: { trees: 100, 'sample rows': 256 },
          lastError: null,
          progress: {
            share: 0.4,
            epoch: 6,
            epochs: 15,
            trainLoss: 0.21,
            validationLoss: null,
            startedAt: NOW - MINUTE,
            secondsLeft: 90,
          },
          pinnedUntil: null,
          aside: [{ version: 'v5', trainedAt: NOW - 60 * MINUTE, reason: 'it is restless' }],
        },
      ],
    },
    topology: {
      nodes: [
        { id: 'web-01', kind: 'server', title: 'web-01', labels: { site: 'a' }, score: 4.73, status: 'critical' },
        { id: '10.0.0.1', kind: 'router', title: 'gateway', labels: {}, score: null, status: 'unknown' },
      ],
      edges: [{ source: 'web-01', target: '10.0.0.1', up: true, bytesPerSecond: null }],
    },
    metrics:
      '# HELP netpulse_build_info Version.\n# TYPE netpulse_build_info gauge\nnetpulse_build_info{version="0.1.0"} 1\n',
    ready: true,
    reloadError: null,
    changes: [],
  };
}
