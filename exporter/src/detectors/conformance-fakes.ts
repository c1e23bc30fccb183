/**
 * Two small detectors that prove the interface and the conformance suite: one that needs the rows before a row (an autoregression), and one that keeps
 * its knowledge in the weights of a recurrent network and runs it over a window (an echo state network; H. Jaeger, GMD report 148, 2001). They work, but
 * the product does not offer them.
 */
import type { Detector, Matrix, Model, Rows } from '../flow.ts';
import { seededRandom } from '../random.ts';
import { packModel, unpackModel } from './model-buffer.ts';

const LAGS = 5;
const WINDOW = 30;
const UNITS = 24;
const RIDGE = 1;
/** Half a band's width in standard deviations of the residual. */
const BAND = 3;

interface Scaling {
  readonly mean: Float64Array<ArrayBuffer>;
  readonly deviation: Float64Array<ArrayBuffer>;
  /** root mean square of the training residuals, in standard deviations; 0 = the column was constant and does not take part */
  readonly residual: Float64Array<ArrayBuffer>;
}

interface VarModel extends Model, Scaling {
  /** features x (LAGS + 1), newest lag first, then the constant */
  readonly weights: Float64Array<ArrayBuffer>;
}

interface RecurrentModel extends Model, Scaling {
  /** UNITS x (features + UNITS): from the scaled row, then from the state before it */
  readonly recurrent: Float64Array<ArrayBuffer>;
  /** features x (UNITS + 1) */
  readonly readout: Float64Array<ArrayBuffer>;
}

/** Each feature from its own last five values; gives expected values, no contributions. */
export function fakeVar(): Detector<VarModel> {
  const name = 'fake-var';
  const predict = ({ weights }: Pick<VarModel, 'weights'>, z: Matrix, segment: Int32Array): Matrix => {
    const out = matrix(z.rows, z.columns);
    const lags = new Float64Array(LAGS + 1);
    for (let r = 0; r < z.rows; r++) {
      for (let f = 0; f < z.columns; f++) {
        readLags(z, segment, r, f, lags);
        out.data[r * z.columns + f] = dot(weights, f * lags.length, lags);
      }
    }
    return out;
  };
  const model = (rows: number, parts: Scaling & Pick<VarModel, 'weights'>): VarModel => ({
    ...parts,
    features: parts.mean.length,
    rows,
    save: () => packModel(name, 1, [Float64Array.of(rows), parts.mean, parts.deviation, parts.residual, parts.weights]),
  });
  return {
    name,
    history: LAGS,
    minimumRows: 32,
    fit(rows) {
      needRows(name, rows, 32);
      const scale = scaling(rows);
      const z = scaled(scale, rows);
      const weights = new Float64Array(z.columns * (LAGS + 1));
      for (let f = 0; f < z.columns; f++) {
        const inputs = matrix(z.rows, LAGS + 1);
        const target = matrix(z.rows, 1);
        for (let r = 0; r < z.rows; r++) {
          readLags(z, rows.segment, r, f, inputs.data.subarray(r * (LAGS + 1), (r + 1) * (LAGS + 1)));
          target.data[r] = z.data[r * z.columns + f];
        }
        weights.set(ridge(inputs, target), f * (LAGS + 1));
      }
      return model(rows.values.rows, {
        ...scale,
        weights,
        residual: residuals(scale, rows, predict({ weights }, z, rows.segment)),
      });
    },
    score(fitted, rows, out, wanted) {
      meanDeviation(fitted, rows, predict(fitted, scaled(fitted, rows), rows.segment), out, wanted);
    },
    expected(fitted, rows, out, lower, upper) {
      unscale(fitted, predict(fitted, scaled(fitted, rows), rows.segment), out, lower, upper);
    },
    load(state) {
      const layout = ['f64', 'f64', 'f64', 'f64', 'f64'] as const;
      const [[rows], mean, deviation, residual, weights] = unpackModel(name, 1, layout, state);
      return model(rows, { mean, deviation, residual, weights });
    },
  };
}

/** A fixed random recurrent network over the thirty rows before a row, and a fitted read-out; gives expected values and contributions. */
export function fakeLstm(): Detector<RecurrentModel> {
  const name = 'fake-lstm';
  const states = (recurrent: Float64Array, z: Matrix, segment: Int32Array): Matrix => {
    const { tanh } = Math;
    const out = matrix(z.rows, UNITS + 1);
    const width = z.columns + UNITS;
    let state = new Float64Array(UNITS);
    let next = new Float64Array(UNITS);
    for (let r = 0; r < z.rows; r++) {
      state.fill(0);
      let first = r;
      while (first > 0 && r - first < WINDOW && segment[first - 1] === segment[r]) first--;
      for (let t = first; t < r; t++) {
        for (let u = 0; u < UNITS; u++) {
          let sum = 0;
          for (let f = 0; f < z.columns; f++) sum += recurrent[u * width + f] * z.data[t * z.columns + f];
          for (let v = 0; v < UNITS; v++) sum += recurrent[u * width + z.columns + v] * state[v];
          next[u] = tanh(sum);
        }
        [state, next] = [next, state];
      }
      out.data.set(state, r * (UNITS + 1));
      out.data[r * (UNITS + 1) + UNITS] = 1;
    }
    return out;
  };
  const predict = (readout: Float64Array, state: Matrix, features: number): Matrix => {
    const out = matrix(state.rows, features);
    for (let r = 0; r < state.rows; r++) {
      const row = state.data.subarray(r * state.columns, (r + 1) * state.columns);
      for (let f = 0; f < features; f++) out.data[r * features + f] = dot(readout, f * state.columns, row);
    }
    return out;
  };
  const forecast = (fitted: RecurrentModel, rows: Rows) =>
    predict(fitted.readout, states(fitted.recurrent, scaled(fitted, rows), rows.segment), fitted.features);
  const model = (rows: number, parts: Scaling & Pick<RecurrentModel, 'recurrent' | 'readout'>): RecurrentModel => ({
    ...parts,
    features: parts.mean.length,
    rows,
    save() {
      const { mean, deviation, residual, recurrent, readout } = parts;
      return packModel(name, 1, [Float64Array.of(rows), mean, deviation, residual, recurrent, readout]);
    },
  });
  return {
    name,
    history: WINDOW,
    minimumRows: 64,
    fit(rows, { seed }) {
      needRows(name, rows, 64);
      const scale = scaling(rows);
      const z = scaled(scale, rows);
      const random = seededRandom(seed);
      const inputScale = 0.3 / Math.sqrt(z.columns);
      const recurrent = Float64Array.from({ length: UNITS * (z.columns + UNITS) }, (_, i) => {
        const fromRow = i % (z.columns + UNITS) < z.columns;
        return random.normal() * (fromRow ? inputScale : 0.8 / Math.sqrt(UNITS));
      });
      const state = states(recurrent, z, rows.segment);
      const readout = ridge(state, z);
      const residual = residuals(scale, rows, predict(readout, state, z.columns));
      return model(rows.values.rows, { ...scale, recurrent, readout, residual });
    },
    score: (fitted, rows, out, wanted) => meanDeviation(fitted, rows, forecast(fitted, rows), out, wanted),
    expected: (fitted, rows, out, lower, upper) => unscale(fitted, forecast(fitted, rows), out, lower, upper),
    contributions(fitted, rows, out) {
      const q = deviations(fitted, rows, forecast(fitted, rows));
      for (let r = 0; r < q.rows; r++) {
        let total = 0;
        for (let i = r * q.columns; i < (r + 1) * q.columns; i++) total += q.data[i] ** 2;
        for (let i = r * q.columns; i < (r + 1) * q.columns; i++) out.data[i] = total > 0 ? q.data[i] ** 2 / total : 0;
      }
    },
    load(state) {
      const layout = ['f64', 'f64', 'f64', 'f64', 'f64', 'f64'] as const;
      const [[rows], mean, deviation, residual, recurrent, readout] = unpackModel(name, 1, layout, state);
      return model(rows, { mean, deviation, residual, recurrent, readout });
    },
  };
}

function needRows(name: string, rows: Rows, minimum: number): void {
  if (rows.values.rows < minimum)
    throw new Error(`${name} needs minimumRows = ${minimum} rows to fit, got ${rows.values.rows}`);
}

function scaling(rows: Rows): Omit<Scaling, 'residual'> {
  const { columns, data } = rows.values;
  const mean = new Float64Array(columns);
  const deviation = new Float64Array(columns);
  const counts = new Float64Array(columns);
  const each = (visit: (f: number, value: number) => void) => {
    for (let i = 0; i < data.length; i++) if (data[i] - data[i] === 0) visit(i % columns, data[i]);
  };
  each((f) => counts[f]++);
  each((f, value) => (mean[f] += value / counts[f]));
  each((f, value) => (deviation[f] += (value - mean[f]) ** 2 / counts[f]));
  // a variance of rounding errors is none
  deviation.forEach((variance, f) => (deviation[f] = variance > 1e-18 * mean[f] ** 2 ? Math.sqrt(variance) : 0));
  return { mean, deviation };
}

/** Standard deviations from the mean; missing values and constant columns are 0. */
function scaled({ mean, deviation }: Omit<Scaling, 'residual'>, rows: Rows): Matrix {
  const { rows: count, columns, data } = rows.values;
  const out = matrix(count, columns);
  for (let i = 0; i < count * columns; i++) {
    const f = i % columns;
    if (deviation[f] > 0 && data[i] - data[i] === 0) out.data[i] = (data[i] - mean[f]) / deviation[f];
  }
  return out;
}

function readLags(z: Matrix, segment: Int32Array, row: number, feature: number, out: Float64Array): void {
  out.fill(0);
  for (let lag = 1; lag <= LAGS && row >= lag && segment[row - lag] === segment[row]; lag++) {
    out[lag - 1] = z.data[(row - lag) * z.columns + feature];
  }
  out[LAGS] = 1;
}

function residuals(scale: Omit<Scaling, 'residual'>, rows: Rows, predicted: Matrix): Float64Array<ArrayBuffer> {
  const z = scaled(scale, rows);
  const residual = new Float64Array(z.columns);
  const counts = new Float64Array(z.columns);
  for (let i = 0; i < z.data.length; i++) {
    const f = i % z.columns;
    if (scale.deviation[f] === 0 || !Number.isFinite(rows.values.data[i])) continue;
    residual[f] += (z.data[i] - predicted.data[i]) ** 2;
    counts[f]++;
  }
  return residual.map((sum, f) => (counts[f] > 0 ? Math.sqrt(sum / counts[f]) : 0));
}

/** How far each value is from its prediction, in training residuals; 0 where it is missing. */
function deviations(model: Scaling, rows: Rows, predicted: Matrix): Matrix {
  const z = scaled(model, rows);
  const out = matrix(z.rows, z.columns);
  for (let i = 0; i < z.data.length; i++) {
    const scale = model.residual[i % z.columns];
    if (scale > 0 && Number.isFinite(rows.values.data[i]))
      out.data[i] = Math.abs(z.data[i] - predicted.data[i]) / scale;
  }
  return out;
}

function meanDeviation(model: Scaling, rows: Rows, predicted: Matrix, out: Float64Array, wanted?: Uint8Array): void {
  const q = deviations(model, rows, predicted);
  for (let r = 0; r < q.rows; r++) {
    if (wanted?.[r] === 0) continue;
    const row = q.data.subarray(r * q.columns, (r + 1) * q.columns);
    const values = rows.values.data.subarray(r * q.columns, (r + 1) * q.columns);
    out[r] = values.some(Number.isFinite) ? row.reduce((sum, value) => sum + value, 0) / q.columns : NaN;
  }
}

function unscale(model: Scaling, predicted: Matrix, out: Matrix, lower?: Matrix, upper?: Matrix): void {
  for (let i = 0; i < predicted.data.length; i++) {
    const f = i % predicted.columns;
    const value = model.mean[f] + model.deviation[f] * predicted.data[i];
    const half = BAND * model.residual[f] * model.deviation[f];
    out.data[i] = value;
    if (lower) lower.data[i] = value - half;
    if (upper) upper.data[i] = value + half;
  }
}

/** Weights (targets x inputs) that minimise the squared error plus RIDGE times their own squares, by Cholesky's decomposition. */
function ridge(inputs: Matrix, targets: Matrix): Float64Array<ArrayBuffer> {
  const n = inputs.columns;
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = i === j ? RIDGE : 0;
      for (let r = 0; r < inputs.rows; r++) sum += inputs.data[r * n + i] * inputs.data[r * n + j];
      for (let k = 0; k < j; k++) sum -= lower[i * n + k] * lower[j * n + k];
      lower[i * n + j] = i === j ? Math.sqrt(sum) : sum / lower[j * n + j];
    }
  }
  const weights = new Float64Array(targets.columns * n);
  for (let t = 0; t < targets.columns; t++) {
    const w = weights.subarray(t * n, (t + 1) * n);
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let r = 0; r < inputs.rows; r++) sum += inputs.data[r * n + i] * targets.data[r * targets.columns + t];
      for (let k = 0; k < i; k++) sum -= lower[i * n + k] * w[k];
      w[i] = sum / lower[i * n + i];
    }
    for (let i = n - 1; i >= 0; i--) {
      for (let k = i + 1; k < n; k++) w[i] -= lower[k * n + i] * w[k];
      w[i] /= lower[i * n + i];
    }
  }
  return weights;
}

function dot(weights: Float64Array, from: number, values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += weights[from + i] * values[i];
  return sum;
}

function matrix(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns) };
}
