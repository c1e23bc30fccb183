import { CONNECTION_COLUMNS, CONNECTION_KINDS, type ConnectionKind, connections } from './connections.ts';

const at = (name: (typeof CONNECTION_COLUMNS)[number]) => CONNECTION_COLUMNS.indexOf(name);

describe('the sample set of connections', () => {
  const set = connections(1, 20_000, 0.15);
  const value = (row: number, name: (typeof CONNECTION_COLUMNS)[number]) =>
    set.rows.data[row * CONNECTION_COLUMNS.length + at(name)];
  const rowsOf = (kind: ConnectionKind | null) => [...set.kinds.keys()].filter((row) => set.kinds[row] === kind);

  it('has exactly the share of anomalous rows that is asked for, and labels them', () => {
    expect(set.labels.reduce((sum, label) => sum + label, 0)).toBe(3000);
    expect(connections(1, 1000, 0.15).labels.reduce((sum, label) => sum + label, 0)).toBe(150);
    set.kinds.forEach((kind, row) => expect(set.labels[row]).toBe(kind === null ? 0 : 1));
    for (const kind of CONNECTION_KINDS) expect(rowsOf(kind).length).toBeGreaterThan(300);
  });

  it('is the same for the same seed and another for another one', () => {
    expect(connections(1, 20_000, 0.15).rows.data).toEqual(set.rows.data);
    expect(connections(2, 20_000, 0.15).rows.data).not.toEqual(set.rows.data);
  });

  it('keeps normal connections in their ranges', () => {
    const ranges: Partial<Record<(typeof CONNECTION_COLUMNS)[number], [number, number]>> = {
      packet_size: [400, 650],
      duration: [0.5, 5],
      src_bytes: [3500, 6500],
      dst_bytes: [3500, 6500],
      protocol_type: [0, 2],
      flag: [0, 2],
      src_port: [1025, 65_535],
      dst_port: [21, 8080],
      packet_rate: [35, 65],
      error_rate: [0.2, 0.8],
    };
    const normal = rowsOf(null);
    for (const [name, [low, high]] of Object.entries(ranges)) {
      const values = normal.map((row) => value(row, name as keyof typeof ranges));
      expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
      expect(Math.max(...values)).toBeLessThanOrEqual(high);
    }
    const share = (protocol: number) =>
      normal.filter((row) => value(row, 'protocol_type') === protocol).length / normal.length;
    expect([0, 1, 2].map((p) => Math.round(share(p) * 20) / 20)).toEqual([0.6, 0.35, 0.05]);
  });

  it.each([
    ['large_packets', (row: number) => value(row, 'packet_size') > 1200],
    ['small_packets', (row: number) => value(row, 'packet_size') < 200],
    ['long_duration', (row: number) => value(row, 'duration') > 10],
    ['short_duration', (row: number) => value(row, 'duration') < 0.1],
    ['large_transfer', (row: number) => Math.max(value(row, 'src_bytes'), value(row, 'dst_bytes')) > 30_000],
    ['privileged_source_port', (row: number) => value(row, 'src_port') < 1024 && value(row, 'dst_port') >= 10_000],
    [
      'icmp_flag',
      (row: number) => value(row, 'protocol_type') === 2 && value(row, 'flag') >= 3 && value(row, 'flag') <= 5,
    ],
    ['many_errors', (row: number) => value(row, 'error_rate') > 10],
  ] as const)('makes of %s what its name says, and of nothing else', (kind, holds) => {
    expect(rowsOf(kind).every(holds)).toBe(true);
    expect([...set.kinds.keys()].filter((row) => set.kinds[row] !== kind).some(holds)).toBe(false);
  });

  it('refuses rows and shares that make no sense', () => {
    expect(() => connections(0, 0, 0.1)).toThrow('0 rows');
    expect(() => connections(0, 10, 1.5)).toThrow('share of 1.5');
  });
});
