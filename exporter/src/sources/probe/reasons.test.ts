import { reasonOf } from './reasons.ts';

test.each([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
  ['ETIMEDOUT', 'timeout'],
  ['EHOSTUNREACH', 'unreachable'],
  ['EPERM', 'unreachable'],
  ['ENOTFOUND', 'unknown_host'],
  ['EAI_AGAIN', 'unknown_host'],
  ['HPE_INVALID_CONSTANT', 'protocol'],
  ['CERT_HAS_EXPIRED', 'tls'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
  ['EMFILE', 'local_error'],
  ['EADDRNOTAVAIL', 'local_error'],
  ['ESOMETHING', 'other'],
  ['toString', 'other'],
])('an error with code %s is %s', (code, reason) => {
  expect(reasonOf(Object.assign(new Error('boom'), { code }))).toBe(reason);
});

test('an error without a code is other', () => {
  expect(reasonOf(new Error('boom'))).toBe('other');
});
