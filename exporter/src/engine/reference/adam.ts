/** Adam in plain float64 TypeScript (D. P. Kingma, J. Ba: Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1): what assembly/adam.ts must compute. */

export interface AdamState {
  /** steps that were made */
  steps: number;
  readonly first: readonly Float64Array[];
  readonly second: readonly Float64Array[];
}

export function adamState(parameters: readonly Float64Array[]): AdamState {
  const zeros = () => parameters.map((array) => new Float64Array(array.length));
  return { steps: 0, first: zeros(), second: zeros() };
}

/** One step, in place. A gradient whose norm over all arrays is beyond `clip` is scaled to it; 0 = any norm. */
export function adamReference(
  parameters: readonly Float64Array[],
  gradients: readonly Float64Array[],
  state: AdamState,
  { learningRate, clip = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamOptions,
): void {
  state.steps++;
  const norm = Math.sqrt(gradients.reduce((sum, array) => array.reduce((part, g) => part + g * g, sum), 0));
  const scale = clip > 0 && norm > clip ? clip / norm : 1;
  parameters.forEach((values, a) => {
    const first = state.first[a];
    const second = state.second[a];
    for (let i = 0; i < values.length; i++) {
      const g = scale * gradients[a][i];
      first[i] = beta1 * first[i] + (1 - beta1) * g;
      second[i] = beta2 * second[i] + (1 - beta2) * g * g;
      const m = first[i] / (1 - beta1 ** state.steps);
      const v = second[i] / (1 - beta2 ** state.steps);
      values[i] -= (learningRate * m) / (Math.sqrt(v) + epsilon);
    }
  });
}

export interface AdamOptions {
  readonly learningRate: number;
  readonly clip?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}
