import type { MonitorConfig } from '../config/monitors.ts';
import type { FeatureSpec, Schema } from '../flow.ts';

/** The schema with the monitor's settings, and without the features it switches off. */
export function chooseFeatures(schema: Schema, config: MonitorConfig) {
  const kept: number[] = [];
  const features: FeatureSpec[] = [];
  schema.features.forEach((feature, j) => {
    const settings = config.features[feature.name];
    if (settings?.enabled === false) return;
    kept.push(j);
    features.push({
      ...feature,
      minimumDeviation: settings?.minimumDeviation ?? feature.minimumDeviation,
      direction: settings?.direction ?? feature.direction,
      limits: config.limits[feature.name] ?? feature.limits,
    });
  });
  const all = schema.features.length;
  return {
    schema: { name: schema.name, features },
    select(from: Float64Array, rows: number, to: Float64Array): void {
      if (kept.length === all) to.set(from.subarray(0, rows * all));
      else
        for (let r = 0; r < rows; r++)
          for (let k = 0; k < kept.length; k++) to[r * kept.length + k] = from[r * all + kept[k]];
    },
  };
}
