import type { z } from 'zod';
import type { Observer, Source } from '../flow.ts';

/** What every source is told by its monitor. */
export interface SourceContext {
  readonly monitor: string;
  /** ms between samples */
  readonly intervalMs: number;
  /** name of the machine the exporter runs on */
  readonly hostname: string;
  readonly observer: Observer;
  /** where the kernel's file systems are mounted (containers, tests); defaults `/proc`, `/sys`, `/` */
  readonly paths: { readonly procfs: string; readonly sysfs: string; readonly rootfs: string };
}

/** One kind of source: its options with their defaults, and how to make one. Throws an Error with a way out when it cannot work here at all. */
export interface SourceType<Options = unknown> {
  readonly name: string;
  readonly options: z.ZodType<Options>;
  create(options: Options, context: SourceContext): Source;
}
