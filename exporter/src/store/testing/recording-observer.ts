import type { CounterName, Observer } from '../../flow.ts';

export interface RecordingObserver extends Observer {
  /** one a log line: level, message and fields */
  readonly lines: string[];
  /** how often a counter was raised with exactly these labels */
  counted(name: CounterName, labels: Record<string, string>): number;
}

export function recordingObserver(): RecordingObserver {
  const lines: string[] = [];
  const counts = new Map<string, number>();
  const keyOf = (name: CounterName, labels: Record<string, string>) =>
    name + JSON.stringify(Object.entries(labels).sort());
  const record = (level: string) => (message: string, fields?: Record<string, unknown>) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  return {
    lines,
    log: { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') },
    count(name, labels, by = 1) {
      const key = keyOf(name, labels);
      counts.set(key, (counts.get(key) ?? 0) + by);
    },
    counted: (name, labels) => counts.get(keyOf(name, labels)) ?? 0,
  };
}
