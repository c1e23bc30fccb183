/** The LSTM autoencoder: training (lstm-plan.ts, lstm-train.ts) and scoring (lstm-score.ts). One instance does one of the two. */
import { adamStep, sumOfSquares } from './adam';
import { backward, drawMasks, forward, loadBatch, loss, seedDropout, setOnes } from './lstm-train';
import * as plan from './lstm-plan';

export { sigmoidAll, tanhAll } from './activations';
export { adamStep, sumOfSquares } from './adam';
export {
  planScoring,
  reconstruct,
  reconstructionsAt,
  scoreEncoderAt,
  scoreFirstAt,
  scoreFoldedAt,
  scoreWindowsAt,
} from './lstm-score';
export { backward, forward, loadBatch, loss, seedDropout };

export function heapBase(): usize {
  return __heap_base;
}
export function planTraining(base: usize, features: i32, hidden: i32, steps: i32, batch: i32): usize {
  return plan.planTraining(base, features, hidden, steps, batch);
}
/** Before the first batch, once the memory has been grown to the plan's end. */
export function beginTraining(): void {
  plan.clear();
  setOnes();
}
/** Numbers of a block of parameters. */
export function parameterCount(): i32 {
  return plan.parameterCount;
}
export function parametersAt(): usize {
  return plan.parameters;
}
export function gradientsAt(): usize {
  return plan.gradients;
}
/** Where the caller puts the windows of a batch, [window][step][feature]. */
export function windowsAt(): usize {
  return plan.windows;
}
export function masksAt(): usize {
  return plan.masks;
}

/**
 * One optimiser step on the first `count` windows, the `step`-th; returns the loss before it. Gradients whose norm is beyond `clip` are scaled to it;
 * `clip` = 0 leaves them.
 */
export function trainBatch(count: i32, step: i32, dropout: f64, learningRate: f64, clip: f64): f64 {
  loadBatch(count);
  if (dropout > 0) drawMasks(dropout);
  forward(dropout > 0);
  const error = loss();
  backward(dropout > 0);
  let scale: f64 = 1;
  if (clip > 0) {
    const norm = Math.sqrt(sumOfSquares(plan.gradients, plan.parameterCount));
    if (norm > clip) scale = clip / norm;
  }
  adamStep(
    plan.parameters,
    plan.gradients,
    plan.firstMoments,
    plan.secondMoments,
    plan.parameterCount,
    step,
    learningRate,
    0.9,
    0.999,
    1e-8,
    scale,
  );
  return error;
}
