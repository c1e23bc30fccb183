/** A change of a monitor's detectors and ensemble at run time, as `POST /api/monitors/NAME/ensemble` sends it. */
import { z } from 'zod';
import type { MonitorConfig } from '../config/monitors.ts';
import { combination } from '../decision/ensemble.ts';
import { ensembleOptions } from '../decision/options.ts';
import { detectorTypes } from '../detectors/registry.ts';

/** What is left out stays as it is; an ensemble that is given is whole, with defaults for what it leaves out. */
export interface EnsembleChange {
  readonly ensemble?: unknown;
  readonly detectors?: unknown;
}

export class UnknownMonitorError extends Error {
  constructor(name: string, known: readonly string[]) {
    super(`there is no monitor "${name}"; monitors are ${known.join(', ')}`);
  }
}

const change = z.strictObject({
  ensemble: ensembleOptions.optional(),
  detectors: z
    .array(z.enum(detectorTypes.map(({ name }) => name)))
    .min(1)
    .refine((names) => new Set(names).size === names.length, { error: 'names a detector twice' })
    .optional(),
});

/** Throws an Error that names every key that is wrong. */
export function changedMonitor(config: MonitorConfig, given: EnsembleChange): MonitorConfig {
  const parsed = change.safeParse(given);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const { ensemble = config.ensemble, detectors = config.detectors } = parsed.data;
  return { ...config, ensemble, detectors };
}

/** Throws when the ensemble cannot be made of these detectors. */
export function checkEnsemble(
  monitor: string,
  detectors: readonly string[],
  ensemble: MonitorConfig['ensemble'],
): void {
  try {
    combination(ensemble, ['baseline', ...detectors.filter((name) => name !== 'baseline')]);
  } catch (cause) {
    throw new Error(`monitor "${monitor}": ${(cause as Error).message}`, { cause });
  }
}
