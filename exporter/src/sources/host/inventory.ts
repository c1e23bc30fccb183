/** Facts about a Linux machine for people to read, straight from /proc, /sys and /etc: no process is started and no library loaded for them. */
import { readFileSync } from 'node:fs';
import { arch } from 'node:os';

export function linuxInventory(
  hostname: string,
  paths: { readonly procfs: string; readonly sysfs: string; readonly rootfs: string },
): Record<string, string | number> {
  const rootfs = paths.rootfs.replace(/\/+$/u, '');
  const cpuinfo = read(`${paths.procfs}/cpuinfo`) ?? '';
  const release = read(`${rootfs}/etc/os-release`) ?? read(`${rootfs}/usr/lib/os-release`) ?? '';
  const stat = read(`${paths.procfs}/stat`) ?? '';
  const facts: Record<string, string | number | undefined> = {
    hostname,
    operating_system: /^PRETTY_NAME="?([^"\n]*)"?$/mu.exec(release)?.[1] ?? 'Linux',
    kernel: read(`${paths.procfs}/sys/kernel/osrelease`)?.trim(),
    architecture: arch(),
    cpu_model: /^(?:model name|Model|cpu model|Hardware|machine)\s*:\s*(.+)$/mu.exec(cpuinfo)?.[1],
    cpus: stat.match(/^cpu\d+ /gmu)?.length,
    memory_bytes: kilobytes(read(`${paths.procfs}/meminfo`), 'MemTotal'),
    swap_bytes: kilobytes(read(`${paths.procfs}/meminfo`), 'SwapTotal'),
    boot_time: bootTime(stat),
    vendor: read(`${paths.sysfs}/class/dmi/id/sys_vendor`)?.trim(),
    product: read(`${paths.sysfs}/class/dmi/id/product_name`)?.trim(),
  };
  return Object.fromEntries(
    Object.entries(facts).filter((fact): fact is [string, string | number] => fact[1] !== undefined && fact[1] !== ''),
  );
}

function kilobytes(meminfo: string | undefined, key: string): number | undefined {
  const match = new RegExp(`^${key}:\\s*(\\d+) kB$`, 'mu').exec(meminfo ?? '');
  return match ? Number(match[1]) * 1024 : undefined;
}

/** ISO 8601 */
function bootTime(stat: string): string | undefined {
  const seconds = /^btime (\d+)$/mu.exec(stat)?.[1];
  return seconds && new Date(Number(seconds) * 1000).toISOString();
}

/** What a machine does not tell, or not to us, is left out. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
