import type { z } from 'zod';
import type { Detector } from '../flow.ts';

/** One kind of detector: its options with their defaults, and how to make one. `create` gets options that have been parsed. */
export interface DetectorType<Options = unknown> {
  readonly name: string;
  readonly options: z.ZodType<Options>;
  create(options: Options): Detector;
}
