/**
 * The command line as data: one row makes the flag, its environment variable and its line in docs/configuration.md.
 * A flag beats its variable, a variable beats the file, the file beats the default.
 */

export interface Flag {
  /** without the dashes: `web.listen-address` */
  readonly name: string;
  /** what stands for the value in the help: `address` */
  readonly value: string;
  readonly description: string;
  /** where the file says the same; null for what only the command line can say */
  readonly yaml: string | null;
  readonly env: string;
  /** a file or folder: relative ones are resolved (from the working directory; in the file from the file's folder), a leading `~/` is the home folder */
  readonly path: boolean;
}

const flag = (name: string, value: string, yaml: string | null, description: string, path = false): Flag => ({
  name,
  value,
  description,
  yaml,
  env: `NETPULSE_${name.replace(/[.-]/g, '_').toUpperCase()}`,
  path,
});

export const FLAGS: readonly Flag[] = [
  flag(
    'config.file',
    'file',
    null,
    'Configuration file (YAML). Without one, the host and its default gateway are watched.',
    true,
  ),
  flag('storage.path', 'folder', 'storage.path', 'Folder for models, history, calibration and incidents.', true),
  flag('web.listen-address', 'address', 'web.listen_address', 'Address and port to listen on.'),
  flag(
    'web.config.file',
    'file',
    'web.config_file',
    'TLS and authentication, in the format of the Prometheus exporter toolkit.',
    true,
  ),
  flag(
    'web.api-token-file',
    'file',
    'web.api_token_file',
    'File that holds the bearer token for /api and for what changes state.',
    true,
  ),
  flag(
    'web.external-url',
    'url',
    'web.external_url',
    'URL under which users reach the exporter, for links behind a proxy.',
  ),
  flag(
    'web.route-prefix',
    'prefix',
    'web.route_prefix',
    'Path prefix of every route. Default: the path of the external URL.',
  ),
  flag('log.level', 'level', 'log.level', 'Least severe messages to log: debug, info, warn or error.'),
  flag('log.format', 'format', 'log.format', 'Form of the log lines: logfmt or json.'),
  flag('path.procfs', 'folder', 'path.procfs', 'Where procfs is mounted.', true),
  flag('path.sysfs', 'folder', 'path.sysfs', 'Where sysfs is mounted.', true),
  flag('path.rootfs', 'folder', 'path.rootfs', 'Where the root file system of the watched host is mounted.', true),
];

/** Values of flags by name, as `loadConfig` takes them. */
export type FlagValues = Readonly<Record<string, string | undefined>>;

/** commander stores `--web.listen-address` as `web.listenAddress`: this gives the names back. Other options are left out. */
export function flagValues(options: Readonly<Record<string, unknown>>): FlagValues {
  const values: Record<string, string> = {};
  for (const { name } of FLAGS) {
    const attribute = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const value = options[attribute];
    if (typeof value === 'string') values[name] = value;
  }
  return values;
}
