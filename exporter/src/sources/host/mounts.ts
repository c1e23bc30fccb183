/** Which file systems are mounted, from the kernel's table of mounts (fstab(5) format), and which of them have a fill worth watching. */
import type { Filter } from './options.ts';
import { selection } from './options.ts';

export interface Mount {
  readonly device: string;
  /** as the host sees it */
  readonly mountpoint: string;
  readonly type: string;
  /** on another machine, or answered by a program: may hang */
  readonly remote: boolean;
}

const REMOTE =
  /^(nfs\d?|cifs|smb3|smbfs|ceph|afs|9p|lustre|gfs2|ocfs2|glusterfs|beegfs|virtiofs|davfs|ncpfs|fuse(\..*)?)$/u;
/** File systems that name a pool or a server instead of a device node. */
const WITHOUT_NODE = /^(zfs|btrfs|bcachefs|nfs\d?|cifs|smb3|ceph|lustre|9p|virtiofs)$/u;
/** Always full, or not made to hold files. Asking autofs would mount what it stands for. */
const NOT_REAL =
  /^(squashfs|iso9660|udf|erofs|cramfs|romfs|autofs|tmpfs|ramfs|devtmpfs|rootfs|fuse\..*|fusectl|efivarfs)$/u;
/** Other faces of file systems that are mounted elsewhere: containers, snaps, files that container engines mount. */
const NOT_REAL_PATH =
  /^\/(proc|sys|dev|run|snap|var\/snap|var\/lib\/snapd|var\/lib\/docker|var\/lib\/containers?|var\/lib\/containerd|var\/lib\/kubelet)(\/|$)|^\/etc\/(hosts|hostname|resolv\.conf)$/u;

/** Reads a table of mounts. `rootfs` is where the host's root is mounted for us and is taken off; mounts outside it are left out. Lines that are not mounts are passed over. */
export function parseMounts(table: string, rootfs = '/'): Mount[] {
  const prefix = rootfs.replace(/\/+$/u, '');
  const mounts: Mount[] = [];
  for (const line of table.split('\n')) {
    const [device, path, type] = line.split(' ').map(unescape);
    if (!type || !path?.startsWith('/')) continue;
    if (path !== prefix && !path.startsWith(`${prefix}/`)) continue;
    mounts.push({ device, mountpoint: path.slice(prefix.length) || '/', type, remote: REMOTE.test(type) });
  }
  return mounts;
}

/**
 * The mounts to watch: of each device one, the first with the shortest path, and of each path the last, which hides the others. Without `include` only real
 * file systems count, and an overlay only as the root of a container.
 */
export function chooseMounts(mounts: readonly Mount[], filter: Filter): Mount[] {
  const wanted = selection(filter);
  const visible = new Map(mounts.map((mount) => [mount.mountpoint, mount]));
  const byDevice = new Map<string, Mount>();
  for (const mount of visible.values()) {
    if (!wanted(mount.mountpoint, () => isReal(mount))) continue;
    const key =
      mount.device.includes('/') || mount.type === 'zfs' ? mount.device : `${mount.device} ${mount.mountpoint}`;
    const other = byDevice.get(key);
    if (!other || mount.mountpoint.length < other.mountpoint.length) byDevice.set(key, mount);
  }
  return [...byDevice.values()].sort((a, b) => (a.mountpoint < b.mountpoint ? -1 : 1));
}

function isReal({ device, mountpoint, type }: Mount): boolean {
  if (type === 'overlay') return mountpoint === '/';
  return (device.startsWith('/') || WITHOUT_NODE.test(type)) && !NOT_REAL.test(type) && !NOT_REAL_PATH.test(mountpoint);
}

/** The kernel writes blanks, tabs, newlines and backslashes as octal numbers. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/gu, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
