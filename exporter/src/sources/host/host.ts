/** The machine the exporter runs on: on Linux from the kernel's own files, elsewhere, or when told so, through systeminformation. */
import { accessSync, constants } from 'node:fs';
import type { SourceContext, SourceType } from '../source-type.ts';
import type { HostSource } from './linux.ts';
import { linuxSource } from './linux.ts';
import type { HostOptions } from './options.ts';
import { hostOptions } from './options.ts';
import { systeminformationSource } from './systeminformation.ts';

export const hostSource: SourceType<HostOptions> & {
  create(options: HostOptions, context: SourceContext): HostSource;
} = {
  name: 'host',
  options: hostOptions,
  create(options, context) {
    if (backend(options, context) === 'systeminformation') return systeminformationSource(options, context);
    // beside the program that this code is bundled into
    return linuxSource(options, context, new URL('./statfs-worker.js', import.meta.url));
  },
};

/** On Linux a procfs that cannot be read is a mistake in the configuration, not a reason to watch by other means: `linuxSource` says so. */
function backend(options: HostOptions, { paths }: SourceContext): 'linux' | 'systeminformation' {
  if (options.backend !== 'auto') return options.backend;
  if (process.platform === 'linux') return 'linux';
  try {
    accessSync(`${paths.procfs}/stat`, constants.R_OK);
    return 'linux';
  } catch {
    return 'systeminformation';
  }
}
