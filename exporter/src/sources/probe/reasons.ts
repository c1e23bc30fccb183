/**
 * Why a probe was lost, or could not be made: the values of `reason` in `source_errors_total`, a closed list.
 */

/** What the target, or the way to it, did. Counts as loss. */
export type LossReason =
  'timeout' | 'refused' | 'reset' | 'unreachable' | 'unknown_host' | 'tls' | 'protocol' | 'http_status' | 'other';

/** What this machine lacks. Says nothing about the target, so it is no loss. */
export type LocalReason = 'local_error' | 'ping_not_installed' | 'ping_not_permitted' | 'ping_exited';

const BY_CODE: Readonly<Record<string, LossReason | 'local_error'>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  // a firewall of this machine or a router that prohibits the way
  EACCES: 'unreachable',
  EPERM: 'unreachable',
  ENOTFOUND: 'unknown_host',
  ENODATA: 'unknown_host',
  EPROTO: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  HOSTNAME_MISMATCH: 'tls',
  INVALID_CA: 'tls',
  // out of file descriptors, memory, or free ports
  EMFILE: 'local_error',
  ENFILE: 'local_error',
  ENOBUFS: 'local_error',
  ENOMEM: 'local_error',
  EADDRNOTAVAIL: 'local_error',
};

/** The reason for an error of `node:net`, `node:tls`, `node:http` or `node:dns`; `other` for a code that is not in the list. */
export function reasonOf(error: NodeJS.ErrnoException): LossReason | 'local_error' {
  const code = error.code ?? '';
  if (Object.hasOwn(BY_CODE, code)) return BY_CODE[code];
  if (code.startsWith('EAI_')) return 'unknown_host';
  if (code.startsWith('HPE_') || code.startsWith('ERR_HTTP')) return 'protocol';
  if (/^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_)/.test(code)) return 'tls';
  return 'other';
}
