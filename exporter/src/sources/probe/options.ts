/** The options of a probe monitor: targets as mappings or in short, `icmp://10.0.0.1`, `tcp://db:5432`, `https://example.org/health`. */
import { z } from 'zod';
import { duration } from '../../durations.ts';
import { parseHost, parseHostPort, parseUrl } from './address.ts';
import { LONGEST_TIMEOUT_MS } from './schema.ts';

interface Common {
  /** unique in the monitor */
  readonly name: string;
  /** as labels show it: no query, because those hold tokens */
  readonly address: string;
  /** ms; undefined: fits the interval */
  readonly timeoutMs: number | undefined;
}

export interface IcmpTarget extends Common {
  readonly type: 'icmp';
}

export interface TcpTarget extends Common {
  readonly type: 'tcp';
  readonly host: string;
  readonly port: number;
}

export interface HttpTarget extends Common {
  readonly type: 'http';
  readonly url: string;
  readonly method: 'GET' | 'HEAD';
  /** empty: any from 200 to 399 */
  readonly expectStatus: readonly number[];
  readonly tlsSkipVerify: boolean;
}

export type Target = IcmpTarget | TcpTarget | HttpTarget;

export interface ProbeOptions {
  /** empty: the default gateway by ICMP */
  readonly targets: readonly Target[];
  /** probes over which loss is taken */
  readonly window: number;
}

const HTTP_ONLY = ['method', 'expect_status', 'tls_skip_verify'] as const;

const mapping = z.strictObject({
  /** shown as the entity; default: the address in short form */
  name: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[ -~\u00a0-\u{10ffff}]*$/u, 'has control characters; use letters, digits and signs')
    .optional(),
  type: z.enum(['icmp', 'tcp', 'http']),
  /** a host for icmp, host:port for tcp, a URL for http */
  address: z.string(),
  /** an answer that takes longer is a lost probe; default: 0.9 of the interval, at most 5s */
  timeout: duration(10, LONGEST_TIMEOUT_MS).optional(),
  /** http only */
  method: z.enum(['GET', 'HEAD']).optional(),
  /** http only: the status codes that count as an answer; default: 200 to 399 */
  expect_status: z.array(z.number().int().min(100).max(599)).min(1).optional(),
  /** http only: accept any certificate */
  tls_skip_verify: z.boolean().optional(),
});

/** Text is short for a mapping without other keys. */
const target = z.preprocess(
  (value, context) => {
    if (typeof value !== 'string') return value;
    const [, scheme = '', rest = ''] = /^(icmp|tcp|https?):\/\/(.*)$/is.exec(value) ?? [];
    if (/^http/i.test(scheme)) return { type: 'http', address: value };
    if (scheme) return { type: scheme.toLowerCase(), address: rest.replace(/\/$/, '') };
    context.issues.push({
      code: 'custom',
      message: `"${value}" is no target; write it like icmp://10.0.0.1, tcp://db.example.org:5432 or https://example.org/health`,
      input: value,
    });
    return z.NEVER;
  },
  mapping.transform((given, context): Target => {
    const problem = (key: string, message: string) =>
      context.issues.push({ code: 'custom', message, path: [key], input: given });
    for (const key of HTTP_ONLY)
      if (given.type !== 'http' && given[key] !== undefined)
        problem(key, `${key} is for targets of type http; remove it from this ${given.type} target`);
    try {
      return resolve(given);
    } catch (error) {
      problem('address', (error as Error).message);
      return z.NEVER;
    }
  }),
);

function resolve({ name, type, address, timeout: timeoutMs, ...http }: z.infer<typeof mapping>): Target {
  switch (type) {
    case 'icmp': {
      const host = parseHost(address);
      return { type, name: name ?? host, address: host, timeoutMs };
    }
    case 'tcp':
      return { type, name: name ?? `tcp://${address}`, address, timeoutMs, ...parseHostPort(address) };
    case 'http': {
      const url = parseUrl(address);
      const shown = `${url.origin}${url.pathname}`;
      return {
        type,
        name: name ?? shown,
        address: shown,
        timeoutMs,
        url: url.href,
        method: http.method ?? 'GET',
        expectStatus: http.expect_status ?? [],
        tlsSkipVerify: http.tls_skip_verify ?? false,
      };
    }
  }
}

export const probeOptions: z.ZodType<ProbeOptions> = z.strictObject({
  /** default: the default gateway by ICMP; a monitor without gateway and targets is off */
  targets: z
    .array(target)
    .max(200)
    .default([])
    .superRefine((targets, context) => {
      const first = new Map<string, number>();
      targets.forEach(({ name }, index) => {
        const twin = first.get(name);
        if (twin === undefined) first.set(name, index);
        else
          context.addIssue({
            code: 'custom',
            message: `"${name}" is already the name of targets[${twin}]; give each target a name of its own`,
            path: [index, 'name'],
          });
      });
    }),
  /** probes over which loss is taken */
  window: z.number().int().min(2).max(1000).default(10),
});
