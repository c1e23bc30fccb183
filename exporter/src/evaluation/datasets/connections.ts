/**
 * A sample set of network connections with ten columns, normal ones and eight kinds of anomalous ones: seeded, so that it need not be shipped.
 * An anomalous connection is a normal one with what its kind says replaced.
 */
import type { Matrix } from '../../flow.ts';
import { type Random, seededRandom } from '../../random.ts';

export const CONNECTION_COLUMNS = [
  'packet_size',
  'duration',
  'src_bytes',
  'dst_bytes',
  'protocol_type',
  'flag',
  'src_port',
  'dst_port',
  'packet_rate',
  'error_rate',
] as const;

const [PACKET_SIZE, DURATION, SRC_BYTES, , PROTOCOL, FLAG, SRC_PORT, DST_PORT, , ERROR_RATE] =
  CONNECTION_COLUMNS.keys();

/** 0 TCP, 1 UDP, 2 ICMP, and their shares */
const PROTOCOL_SHARES = [0.6, 0.35, 0.05];
const ICMP = 2;
/** common destination ports and their shares */
const SERVICES = [443, 80, 53, 22, 8080, 21, 25, 3306];
const SERVICE_SHARES = [0.35, 0.3, 0.09, 0.08, 0.06, 0.04, 0.04, 0.04];
const PORTS = 65_536;
const PRIVILEGED_PORTS = 1024;

export const CONNECTION_KINDS = [
  'large_packets',
  'small_packets',
  'long_duration',
  'short_duration',
  'large_transfer',
  'privileged_source_port',
  'icmp_flag',
  'many_errors',
] as const;
export type ConnectionKind = (typeof CONNECTION_KINDS)[number];

/** What turns a normal connection into one of the kind, in the order of CONNECTION_KINDS. */
const FAULTS: readonly ((row: Float64Array, random: Random) => void)[] = [
  (row, random) => (row[PACKET_SIZE] = random.between(1200, 2000)),
  (row, random) => (row[PACKET_SIZE] = random.between(20, 200)),
  (row, random) => (row[DURATION] = random.between(10, 60)),
  (row, random) => (row[DURATION] = random.between(0.001, 0.1)),
  (row, random) => (row[SRC_BYTES + random.below(2)] = random.between(30_000, 90_000)),
  (row, random) => {
    row[SRC_PORT] = 1 + random.below(PRIVILEGED_PORTS - 1);
    row[DST_PORT] = 10_000 + random.below(PORTS - 10_000);
  },
  (row, random) => {
    row[PROTOCOL] = ICMP;
    row[FLAG] = 3 + random.below(3);
  },
  (row, random) => (row[ERROR_RATE] = random.between(10, 50)),
];

export interface Connections {
  readonly columns: readonly string[];
  readonly rows: Matrix;
  /** 1 = anomalous */
  readonly labels: Uint8Array;
  /** one a row; null = normal */
  readonly kinds: readonly (ConnectionKind | null)[];
}

/** Exactly round(rows x anomalyShare) rows are anomalous, spread at random. Throws a RangeError when rows or the share make no sense. */
export function connections(seed: number, rows: number, anomalyShare: number): Connections {
  if (!Number.isInteger(rows) || rows < 1) throw new RangeError(`${rows} rows: it must be a whole number from 1 on`);
  if (!(anomalyShare >= 0 && anomalyShare <= 1)) {
    throw new RangeError(`an anomalous share of ${anomalyShare}: it must lie in 0 .. 1`);
  }
  const random = seededRandom(seed);
  const columns = CONNECTION_COLUMNS.length;
  const data = new Float64Array(rows * columns);
  const labels = new Uint8Array(rows).fill(1, 0, Math.round(rows * anomalyShare));
  for (let i = rows - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [labels[i], labels[j]] = [labels[j], labels[i]];
  }
  const kinds = Array.from(labels, (label, row) => {
    const values = data.subarray(row * columns, (row + 1) * columns);
    values.set(normalConnection(random));
    if (label === 0) return null;
    const kind = random.below(FAULTS.length);
    FAULTS[kind](values, random);
    return CONNECTION_KINDS[kind];
  });
  return { columns: CONNECTION_COLUMNS, rows: { rows, columns, data }, labels, kinds };
}

function normalConnection(random: Random): number[] {
  return [
    random.between(400, 650),
    random.between(0.5, 5),
    random.between(3500, 6500),
    random.between(3500, 6500),
    pick(PROTOCOL_SHARES, random),
    random.below(3),
    PRIVILEGED_PORTS + 1 + random.below(PORTS - PRIVILEGED_PORTS - 1),
    SERVICES[pick(SERVICE_SHARES, random)],
    random.between(35, 65),
    random.between(0.2, 0.8),
  ];
}

/** An index, drawn by its share; shares add up to 1. */
function pick(shares: readonly number[], random: Random): number {
  let left = random.next();
  const found = shares.findIndex((share) => (left -= share) < 0);
  return found < 0 ? shares.length - 1 : found;
}
