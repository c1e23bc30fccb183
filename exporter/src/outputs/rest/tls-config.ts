/**
 * TLS settings: names of the Prometheus exporter toolkit (they are Go's) on one side, OpenSSL's through node:tls on the other.
 */
import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext, type TlsOptions, type TLSSocket } from 'node:tls';

/** Who must show a client certificate (crypto/tls ClientAuthType). Only the two that verify tell who the client is. */
export const CLIENT_AUTH = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;

export type ClientAuth = (typeof CLIENT_AUTH)[number];

export const TLS_VERSIONS = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;

type TlsVersion = (typeof TLS_VERSIONS)[keyof typeof TLS_VERSIONS];

const TLS13_CIPHERS = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** Go's list of suites that are safe to use, and OpenSSL's name of each. */
export const CIPHERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(TLS13_CIPHERS.map((name) => [name, name])),
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
};

export const CURVES: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
};

type Pem = { inline: string } | { file: string };

export interface TlsConfig {
  cert: Pem;
  key: Pem;
  clientCa?: Pem;
  clientAuth: ClientAuth;
  /** exact subject alternative names, one of which the client's certificate must have */
  clientAllowedSans?: readonly string[];
  minVersion: TlsVersion;
  maxVersion: TlsVersion;
  ciphers?: readonly string[];
  preferServerCiphers: boolean;
  curves?: readonly string[];
}

export function tlsFiles(tls: TlsConfig): string[] {
  return [tls.cert, tls.key, tls.clientCa].flatMap((pem) => (pem && 'file' in pem ? [pem.file] : []));
}

/** Reads the files and tries them. Throws an Error that names the file or setting that does not work. */
export function tlsServerOptions(tls: TlsConfig): TlsOptions {
  const options: TlsOptions = {
    cert: readPem(tls.cert, 'cert_file'),
    key: readPem(tls.key, 'key_file'),
    ca: tls.clientCa ? readPem(tls.clientCa, 'client_ca_file') : undefined,
    minVersion: tls.minVersion,
    maxVersion: tls.maxVersion,
    // without a TLS 1.3 suite in the list node lowers the highest version to 1.2; these suites cannot be chosen in the toolkit either
    ciphers: tls.ciphers?.length ? [...new Set([...TLS13_CIPHERS, ...tls.ciphers])].join(':') : undefined,
    honorCipherOrder: tls.preferServerCiphers,
    ecdhCurve: tls.curves?.length ? tls.curves.join(':') : undefined,
    requestCert: tls.clientAuth !== 'NoClientCert',
    // `admitsClient` decides, with a reason that can be counted
    rejectUnauthorized: false,
    // a resumed session would be admitted on the word of an earlier handshake
    secureOptions: tls.clientAuth === 'NoClientCert' ? undefined : constants.SSL_OP_NO_TICKET,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: 10_000,
  };
  try {
    createSecureContext(options);
  } catch (error) {
    const from = [tls.cert, tls.key, tls.clientCa].map((pem) => (pem && 'file' in pem ? pem.file : '')).filter(Boolean);
    throw new Error(`TLS cannot be set up from ${from.join(', ')}: ${(error as Error).message}`, { cause: error });
  }
  return options;
}

/** Whether a connection may go on after its handshake. */
export function admitsClient(tls: TlsConfig, socket: TLSSocket): boolean {
  const certificate = socket.getPeerX509Certificate();
  switch (tls.clientAuth) {
    case 'NoClientCert':
    case 'RequestClientCert':
      return true;
    case 'VerifyClientCertIfGiven':
      return !certificate || socket.authorized;
    case 'RequireAnyClientCert':
      return !!certificate && hasAllowedName(tls, certificate.subjectAltName);
    case 'RequireAndVerifyClientCert':
      // `authorized` alone is also true for a session resumed without any certificate
      return !!certificate && socket.authorized && hasAllowedName(tls, certificate.subjectAltName);
  }
}

/** Whether this connection showed a certificate of the configured authority. */
export function isVerifiedClient(tls: TlsConfig, socket: TLSSocket): boolean {
  return verifiesClients(tls) && socket.authorized && !!socket.getPeerX509Certificate();
}

export function verifiesClients(tls: TlsConfig): boolean {
  return tls.clientAuth === 'VerifyClientCertIfGiven' || tls.clientAuth === 'RequireAndVerifyClientCert';
}

function hasAllowedName({ clientAllowedSans }: TlsConfig, subjectAltName: string | undefined): boolean {
  if (!clientAllowedSans) return true;
  const names = alternativeNames(subjectAltName ?? '');
  return clientAllowedSans.some((allowed) => names.includes(plainName(allowed)));
}

/** node writes `DNS:a, IP Address:b, URI:"c,d"`: a name with special characters is a JSON string, so a comma cannot forge a second one. */
function alternativeNames(subjectAltName: string): string[] {
  const entry = /(?:^|, )(?:DNS|IP Address|email|URI):("(?:[^"\\]|\\.)*"|[^,"]*)/g;
  return [...subjectAltName.matchAll(entry)].map(([, name]) =>
    plainName(name.startsWith('"') ? String(JSON.parse(name)) : name),
  );
}

/** IPv6 addresses in one spelling. */
function plainName(name: string): string {
  return isIP(name) === 6 ? new URL(`http://[${name}]`).hostname : name;
}

function readPem(pem: Pem, key: string): string {
  if ('inline' in pem) return pem.inline;
  try {
    return readFileSync(pem.file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${key} ${pem.file}: ${(error as Error).message}`, { cause: error });
  }
}
