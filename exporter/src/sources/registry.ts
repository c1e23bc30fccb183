import { hostSource } from './host/host.ts';
import { probeSource } from './probe/probe.ts';
import type { SourceType } from './source-type.ts';
import { syntheticSource } from './synthetic/synthetic.ts';

/** Every source by name. A new one is its file or folder and its line here. */
export const sourceTypes: Readonly<Record<string, SourceType>> = {
  host: hostSource as SourceType,
  probe: probeSource as SourceType,
  synthetic: syntheticSource as SourceType,
};
