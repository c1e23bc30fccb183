import type { AddressInfo, Server } from 'node:net';
import { parseListenAddress } from './options.ts';

/** Resolves with the real address and port. Rejects with an Error that names the address, the cause and the option that changes it. */
export function listen(server: Server, listenAddress: string): Promise<{ address: string; port: number }> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          `cannot listen on ${listenAddress}: ${CAUSES[error.code ?? ''] ?? error.message}; --web.listen-address changes the address`,
          { cause: error },
        ),
      );
    };
    server.once('error', failed);
    server.listen(parseListenAddress(listenAddress), () => {
      server.off('error', failed);
      const { address, port } = server.address() as AddressInfo;
      resolve({ address, port });
    });
  });
}

const CAUSES: Record<string, string | undefined> = {
  EADDRINUSE: 'another process uses this address',
  EACCES: 'no permission (a port below 1024 needs root or CAP_NET_BIND_SERVICE)',
  EPERM: 'no permission',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up now',
};
