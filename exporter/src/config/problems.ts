/** Problems of a configuration: found one by one, told all at once, each with its key, the offending value and a way out. */
import type { z } from 'zod';
import { knownKeys } from './schema-walk.ts';

export type Path = readonly (string | number)[];

export interface Problem {
  /** `monitors[0].interval`; `line 3, column 5` for what is no YAML; `file` for the file itself */
  key: string;
  /** 1-based, where the configuration file says it */
  line?: number;
  /** what is wrong with which value, and what to write instead */
  message: string;
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  /** `origin`: the file's name, or what else was read. `message` lists every problem, one a line. */
  constructor(problems: readonly Problem[], origin: string, cause?: unknown) {
    const lines = problems.map(({ key, line, message }) => `  ${key}${line ? ` (line ${line})` : ''}: ${message}`);
    super(`${problems.length} problem${problems.length === 1 ? '' : 's'} in ${origin}:\n${lines.join('\n')}`, {
      cause,
    });
    this.problems = problems;
  }
}

/** `monitors[0].interval` */
export function keyOf(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}

/** The value as one would write it, at most 60 characters long. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined,
    root,
  );
}

/** ` did you mean "host"?` or the whole list; for anything that must be one of a few names. */
export function wayOut(given: unknown, known: readonly string[], lead = 'known here:'): string {
  const near = typeof given === 'string' ? nearest(given, known) : undefined;
  return near ? `did you mean "${near}"?` : `${lead} ${known.join(', ') || 'none'}`;
}

/**
 * Turns what a schema found into problems. `value` is what was validated, `prefix` where it lies in the configuration. Keys that the schema
 * does not know become one problem each.
 */
export function problemsOf(
  error: z.ZodError,
  schema: z.ZodType,
  value: unknown,
  prefix: Path,
): { path: Path; message: string }[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path as Path;
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(schema, path, value);
      return issue.keys.map((key) => ({
        path: [...prefix, ...path, key],
        message: `unknown key; ${wayOut(key, known)}`,
      }));
    }
    return [{ path: [...prefix, ...path], message: explain(issue, valueAt(value, path)) }];
  });
}

function explain(issue: z.core.$ZodIssue, value: unknown): string {
  const shown = show(value);
  switch (issue.code) {
    case 'invalid_type': {
      if (value === undefined) return 'is missing; it has no default';
      const expected = EXPECTED[issue.expected] ?? {
        what: `of type ${issue.expected}`,
        instead: `write a ${issue.expected}`,
      };
      return `${shown} is not ${expected.what}; ${expected.instead}`;
    }
    case 'invalid_value':
      return oneOf(value, issue.values.map(String));
    case 'invalid_union':
      if ('options' in issue && Array.isArray(issue.options)) return oneOf(value, issue.options.map(String));
      return `${shown} fits none of the forms allowed here; ${issue.message}`;
    case 'too_small':
      if (issue.origin === 'array' && issue.minimum === 1) return 'the list is empty; write at least one entry';
      if (issue.origin === 'array') return `${shown} has too few entries; list at least ${issue.minimum}`;
      if (issue.origin === 'string' && value === '') return '"" is empty; write a value or leave the key out';
      if (issue.origin === 'string') return `${shown} is too short; write at least ${characters(issue.minimum)}`;
      return `${shown} is too small; it must be ${issue.inclusive ? 'at least' : 'greater than'} ${issue.minimum}`;
    case 'too_big':
      if (issue.origin === 'array') return `${shown} has too many entries; list at most ${issue.maximum}`;
      if (issue.origin === 'string') return `${shown} is too long; write at most ${characters(issue.maximum)}`;
      return `${shown} is too large; it must be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    case 'invalid_key':
      return issue.issues.map((inner) => inner.message).join('; ');
    case 'custom':
      return typeof value === 'object' || value === undefined || issue.message.includes(shown)
        ? issue.message
        : `${shown}: ${issue.message}`;
    default:
      return `${shown}: ${issue.message}`;
  }
}

const EXPECTED: Record<string, { what: string; instead: string } | undefined> = {
  object: { what: 'a set of keys', instead: 'write its keys below it, indented' },
  record: { what: 'a set of keys', instead: 'write its keys below it, indented' },
  array: { what: 'a list', instead: 'write it as [a, b] or with one "- " line each' },
  string: { what: 'text', instead: 'write text, in quotes if it looks like a number' },
  number: { what: 'a number', instead: 'write a number without a unit' },
  int: { what: 'a whole number', instead: 'write a whole number' },
  boolean: { what: 'true or false', instead: 'write true or false' },
};

function oneOf(value: unknown, allowed: readonly string[]): string {
  const given = value === undefined ? 'is missing' : `${show(value)} is not possible`;
  return `${given}; ${wayOut(value, allowed, 'use one of')}`;
}

function characters(count: number | bigint): string {
  return `${count} character${count === 1 || count === 1n ? '' : 's'}`;
}

/** The known name that differs least: the same up to case, `-` and `_`, or at most a third of its letters changed. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const plain = (name: string) => name.toLowerCase().replace(/[-_.\s]/g, '');
  let best: string | undefined;
  let least = Infinity;
  for (const name of known) {
    const distance = editDistance(plain(given), plain(name));
    if (distance < least && distance <= Math.max(1, Math.floor(name.length / 3))) {
      best = name;
      least = distance;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 20) return Infinity;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length];
}
