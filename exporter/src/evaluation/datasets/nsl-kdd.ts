/**
 * NSL-KDD (M. Tavallaee, E. Bagheri, W. Lu, A. Ghorbani: A Detailed Analysis of the KDD CUP 99 Data Set, CISDA 2009): connections with 41 columns, then the
 * name of the attack (`normal` without one) and a difficulty that nobody should use.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { TableColumn } from '../table-inputs.ts';

const FOLDER = 'nslkdd';
const TRAIN = 'KDDTrain+_20Percent.txt.gz';
const TEST = 'KDDTest+.txt.gz';

const NAMES =
  'duration protocol_type service flag src_bytes dst_bytes land wrong_fragment urgent hot num_failed_logins logged_in num_compromised root_shell ' +
  'su_attempted num_root num_file_creations num_shells num_access_files num_outbound_cmds is_host_login is_guest_login count srv_count serror_rate ' +
  'srv_serror_rate rerror_rate srv_rerror_rate same_srv_rate diff_srv_rate srv_diff_host_rate dst_host_count dst_host_srv_count dst_host_same_srv_rate ' +
  'dst_host_diff_srv_rate dst_host_same_src_port_rate dst_host_srv_diff_host_rate dst_host_serror_rate dst_host_srv_serror_rate dst_host_rerror_rate ' +
  'dst_host_srv_rerror_rate';
const COLUMN_NAMES = NAMES.split(' ');
const TEXT_COLUMNS = ['protocol_type', 'service', 'flag'];

export interface NslKdd {
  readonly columns: readonly TableColumn[];
  readonly rows: number;
  /** 1 = attack */
  readonly labels: Uint8Array;
  /** `normal` or the attack's name */
  readonly attacks: readonly string[];
}

export function hasNslKdd(data: string): boolean {
  return [TRAIN, TEST].every((file) => existsSync(join(data, FOLDER, file)));
}

/** The connections of the training file that are normal, and all of the test file. */
export function readNslKdd(data: string): { train: NslKdd; test: NslKdd } {
  const normal = (cells: readonly string[]) => cells[COLUMN_NAMES.length] === 'normal';
  return { train: read(join(data, FOLDER, TRAIN), normal), test: read(join(data, FOLDER, TEST), () => true) };
}

function read(path: string, wanted: (cells: readonly string[]) => boolean): NslKdd {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split(/\r?\n/);
  const rows = lines.map((line) => line.split(','));
  rows.forEach((cells, row) => {
    if (cells.length <= COLUMN_NAMES.length)
      throw new Error(
        `${path}, line ${row + 1}: ${cells.length} cells, at least ${COLUMN_NAMES.length + 1} are needed`,
      );
  });
  const kept = rows.filter(wanted);
  const attacks = kept.map((cells) => cells[COLUMN_NAMES.length]);
  return {
    columns: COLUMN_NAMES.map((name, c): TableColumn => {
      if (TEXT_COLUMNS.includes(name)) return { name, texts: kept.map((cells) => cells[c]) };
      return { name, numbers: Float64Array.from(kept, (cells) => Number(cells[c])) };
    }),
    rows: kept.length,
    labels: Uint8Array.from(attacks, (attack) => (attack === 'normal' ? 0 : 1)),
    attacks,
  };
}
