/**
 * Scores a table row by row as it arrives, in the memory of one piece of it and, in a series, of the rows before that a detector looks back on: a pipe that never ends
 * can be scored.
 */
import type { Rows } from '../flow.ts';
import { TableError } from '../sources/csv/table-error.ts';
import type { Table, TableRow } from '../sources/csv/table-reader.ts';
import { encode, encodedWidth, numberCell, textCell } from './table-encoder.ts';
import type { TableColumn } from './table-inputs.ts';
import { listed, placeOf } from './table-layout.ts';
import {
  EXPLAIN_FROM,
  explainTable,
  scoreTable,
  topFeatures,
  type FeatureShare,
  type TableModel,
} from './table-model.ts';
import { timeOf } from './table-rows.ts';
import { isGap } from './table-series.ts';

/** Rows that are scored together at most. */
const MOST_ROWS = 1024;
/** Numbers of context that are kept over all entities, 64 MB. */
const MOST_CONTEXT = 8_000_000;

export interface ScoredRow {
  /** number of the row in the table, from 1; rows that were left out count too */
  readonly row: number;
  readonly line: number;
  /** as in the table; undefined without a time column */
  readonly time: number | undefined;
  readonly entity: string | undefined;
  /** 1 = threshold; NaN = no score; in the order of the model's members */
  readonly scores: readonly number[];
  readonly ensemble: number;
  readonly anomaly: 0 | 1;
  /** empty below a score of 0.5 */
  readonly top: readonly FeatureShare[];
}

/** Rows before the next one of an entity, as detectors see them. */
interface Context {
  values: Float64Array;
  time: number[];
  last: number | undefined;
}

/** Where the model's columns are in this table. Throws a `TableError` that names those that are missing. */
export function columnsOf(table: Table, model: TableModel): { features: number[]; time: number; entity: number } {
  const { file, columns } = table;
  const missing = model.encoder.features.map(({ name }) => name).filter((name) => !columns.includes(name));
  if (missing.length > 0) {
    const header =
      table.dialect.format === 'csv' && !table.dialect.header ? '; it has no header: --names names its columns' : '';
    throw new TableError(
      file,
      `the model was fitted on ${missing.length === 1 ? 'a column' : `${missing.length} columns`} that this table does not have (${listed(missing)}); it has ${listed(columns)}${header}`,
    );
  }
  const place = (name: string | null) => (name === null ? -1 : placeOf(file, columns, name));
  const { time, entity } = model.order;
  return {
    features: model.encoder.features.map(({ name }) => columns.indexOf(name)),
    time: place(time),
    entity: place(entity),
  };
}

/** `top`: features named per anomalous row. */
export async function* scoreRows(table: Table, model: TableModel, top: number): AsyncGenerator<ScoredRow[]> {
  const place = columnsOf(table, model);
  const { features } = model.encoder;
  const width = encodedWidth(model.encoder);
  const history = model.order.series ? Math.max(...model.members.map(({ detector }) => detector.history)) : 0;
  const contexts = new Map<string, Context>();

  interface Read {
    readonly source: TableRow;
    readonly entity: string;
    readonly time: number | undefined;
    readonly values: readonly (string | number)[];
  }

  function read(source: TableRow): Read {
    const { cells, line } = source;
    const entity = place.entity < 0 ? '' : String(cells[place.entity]).trim();
    const context = contexts.get(entity) ?? { values: new Float64Array(0), time: [], last: undefined };
    const time =
      place.time < 0
        ? undefined
        : timeOf(table.file, cells[place.time], line, table.columns[place.time], context.last, place.entity >= 0);
    const values = features.map(({ name, kind }, f) => {
      const cell = cells[place.features[f]];
      return kind === 'number' ? numberCell(cell, table.file, line, name) : textCell(cell);
    });
    context.last = time;
    contexts.set(entity, context);
    if (contexts.size * history * width > MOST_CONTEXT && contexts.size > 1)
      throw new Error(
        `${table.file}: ${contexts.size} entities need more memory than there may be used; score the entities in several runs`,
      );
    return { source, entity, time, values };
  }

  function score(piece: readonly Read[]): ScoredRow[] {
    const { rows, own } = withContext(piece);
    const wanted = new Uint8Array(rows.values.rows);
    for (const at of own) wanted[at] = 1;
    const scores = scoreTable(model, rows, wanted);
    const explain = wanted.map((used, row) => (used === 1 && scores.ensemble[row] >= EXPLAIN_FROM ? 1 : 0));
    const explained = top > 0 && explain.includes(1) ? explainTable(model, rows, scores, explain) : undefined;
    // rows of the explanation are in the order of the rows, which is not that of the piece when there are entities
    const explainedAt = new Map([...explain.keys()].filter((at) => explain[at] === 1).map((at, i) => [at, i]));
    return piece.map(({ source, entity, time }, i) => {
      const at = own[i];
      const ensemble = scores.ensemble[at];
      return {
        row: source.row,
        line: source.line,
        time,
        entity: place.entity < 0 ? undefined : entity,
        scores: scores.members.map((member) => member[at]),
        ensemble,
        anomaly: ensemble >= 1 ? 1 : 0,
        top: explained && explain[at] === 1 ? topFeatures(model, explained, explainedAt.get(at)!, top) : [],
      };
    });
  }

  function columnsOfPiece(piece: readonly Read[]): TableColumn[] {
    return features.map(({ name, kind }, f) =>
      kind === 'number'
        ? { name, numbers: Float64Array.from(piece, ({ values }) => values[f] as number) }
        : { name, texts: piece.map(({ values }) => values[f] as string) },
    );
  }

  /** The piece's rows, entity by entity, each behind its context. `own[i]` is where row i of the piece went. */
  function withContext(piece: readonly Read[]): { rows: Rows; own: Int32Array } {
    const groups = new Map<string, number[]>();
    piece.forEach(({ entity }, i) => {
      const group = groups.get(entity);
      if (group) group.push(i);
      else groups.set(entity, [i]);
    });
    const total = [...groups.keys()].reduce((sum, entity) => sum + contexts.get(entity)!.time.length, piece.length);
    const values = new Float64Array(total * width);
    const time = new Float64Array(total);
    const segment = new Int32Array(total);
    const own = new Int32Array(piece.length);
    const encoded = encode(model.encoder, columnsOfPiece(piece));
    let at = 0;
    let segments = -1;
    for (const [entity, group] of groups) {
      const context = contexts.get(entity)!;
      values.set(context.values, at * width);
      time.set(context.time, at);
      segments++;
      segment.fill(segments, at, at + context.time.length);
      let start = at;
      at += context.time.length;
      for (const i of group) {
        const now = piece[i].time ?? at;
        const gap = model.order.intervalMs !== null && at > start && isGap(now - time[at - 1], model.order.intervalMs);
        if (!model.order.series || gap) {
          segments++;
          start = at;
        }
        values.set(encoded.subarray(i * width, (i + 1) * width), at * width);
        time[at] = now;
        segment[at] = segments;
        own[i] = at++;
      }
      if (history > 0) {
        const from = Math.max(start, at - history);
        context.values = values.slice(from * width, at * width);
        context.time = [...time.subarray(from, at)];
      }
    }
    return { rows: { values: { rows: total, columns: width, data: values }, time, segment }, own };
  }

  for await (const batch of table.batches()) {
    let piece: Read[] = [];
    for (const source of batch) {
      try {
        piece.push(read(source));
      } catch (error) {
        if (!(error instanceof TableError)) throw error;
        if (piece.length > 0) yield score(piece);
        piece = [];
        table.refuse(error);
      }
      if (piece.length === MOST_ROWS) {
        yield score(piece);
        piece = [];
      }
    }
    if (piece.length > 0) yield score(piece);
  }
}
