import { z } from 'zod';
import { duration } from '../../durations.ts';

const pattern = z.string().superRefine((text, context) => {
  try {
    anchored(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `not a regular expression: ${(error as Error).message}` });
  }
});

const filter = z
  .strictObject({ include: z.array(pattern).min(1).nullish(), exclude: z.array(pattern).default([]) })
  .prefault({});

/**
 * `include` replaces the built-in choice of real devices, `exclude` takes away from either. Patterns match the whole name (filesystems: the mount point).
 * Totals of the host are sums over the devices that are left.
 */
export const hostOptions = z.strictObject({
  backend: z.enum(['auto', 'linux', 'systeminformation']).default('auto'),
  disks: filter,
  interfaces: filter,
  filesystems: filter,
  /** how often mounts are asked for their fill */
  filesystem_interval: duration(1000).prefault('30s'),
  /** a mount that does not answer in this time hangs */
  statfs_timeout: duration(100).prefault('5s'),
});

export type HostOptions = z.output<typeof hostOptions>;
export type Filter = HostOptions['disks'];

/** Tells whether a device is wanted: by `include` if there is one, else by `isReal`; never if excluded. `isReal` is asked only when it decides. */
export function selection(filter: Filter): (name: string, isReal: () => boolean) => boolean {
  const include = filter.include?.map(anchored);
  const exclude = filter.exclude.map(anchored);
  return (name, isReal) =>
    !exclude.some((expression) => expression.test(name)) &&
    (include ? include.some((expression) => expression.test(name)) : isReal());
}

function anchored(text: string): RegExp {
  return new RegExp(`^(?:${text})$`, 'u');
}
