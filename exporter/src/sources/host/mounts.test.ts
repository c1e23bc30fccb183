import { chooseMounts, parseMounts } from './mounts.ts';

const everything = { include: undefined, exclude: [] };
const mountpoints = (table: string, filter: { include?: string[]; exclude: string[] } = everything) =>
  chooseMounts(parseMounts(table), filter).map(({ mountpoint }) => mountpoint);

test.each([
  ['a disk', '/dev/sda1 / ext4 rw 0 0', ['/']],
  ['each device once, by its shortest path', '/dev/sdb /mnt/a/b xfs rw 0 0\n/dev/sdb /mnt xfs rw 0 0', ['/mnt']],
  ['subvolumes of one device once', '/dev/sdc / btrfs rw 0 0\n/dev/sdc /home btrfs rw 0 0', ['/']],
  ['ZFS datasets each', 'tank / zfs rw 0 0\ntank/home /home zfs rw 0 0', ['/', '/home']],
  ['network file systems', 'nas:/export /net nfs4 rw 0 0\n//nas/share /share cifs rw 0 0', ['/net', '/share']],
  ['the root of a container', 'overlay / overlay rw 0 0\n/dev/vda1 /etc/hosts ext4 rw 0 0', ['/']],
  ['no pseudo file systems', 'proc /proc proc rw 0 0\ntmpfs /tmp tmpfs rw 0 0\nudev /dev devtmpfs rw 0 0', []],
  ['no images and automounts', '/dev/loop1 /snap/core/1 squashfs ro 0 0\n/etc/auto.net /net autofs rw 0 0', []],
  ['no layers of containers', 'overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0', []],
  ['no user file systems', 'me@host: /home/me/far fuse.sshfs rw 0 0\nportal /run/user/1/doc fuse.portal rw 0 0', []],
  ['paths with blanks', String.raw`/dev/sdd /mnt/my\040disk\134x ext4 rw 0 0`, ['/mnt/my disk\\x']],
  ['nothing from lines that are not mounts', 'garbage\n\n/dev/sda1\n', []],
  ['the last of two mounts on one path', '/dev/sda1 /mnt ext4 rw 0 0\ntmpfs /mnt tmpfs rw 0 0', []],
])('takes %s', (_, table, expected) => {
  expect(mountpoints(table)).toEqual(expected);
});

test('include takes any type by its mount point, exclude takes away', () => {
  const table = '/dev/sda1 / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\nme@host: /far fuse.sshfs rw 0 0';
  expect(mountpoints(table, { include: ['/tmp', '/f.*'], exclude: [] })).toEqual(['/far', '/tmp']);
  expect(mountpoints(table, { exclude: ['/'] })).toEqual([]);
});

test('with the host under another root, only what lies there counts and is named as the host does', () => {
  const table =
    '/dev/a / ext4 rw 0 0\n/dev/b /host ext4 rw 0 0\n/dev/c /host/var ext4 rw 0 0\n/dev/d /hostile ext4 rw 0 0';
  expect(parseMounts(table, '/host/').map(({ mountpoint }) => mountpoint)).toEqual(['/', '/var']);
});
