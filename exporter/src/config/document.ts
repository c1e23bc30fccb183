/** Reads a configuration file: one YAML document that is a mapping, at most 1 MiB, UTF-8. */
import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Node } from 'yaml';
import { ConfigError } from './problems.ts';
import type { Path, Problem } from './problems.ts';

const LARGEST_BYTES = 1024 * 1024;
/** aliases may repeat nodes this many times in all before the file counts as an attack */
const MOST_ALIASES = 100;

export interface ConfigDocument {
  /** keys without a value are left out: they mean the default */
  readonly value: Record<string, unknown>;
  readonly empty: boolean;
  /** line (from 1) of the deepest key on `path` that the file has */
  lineOf(path: Path): number | undefined;
}

/** Throws ConfigError. */
export function readDocument(file: string): ConfigDocument {
  return parse(decode(readBounded(file), file), file);
}

function readBounded(file: string): Buffer {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    if (fstatSync(descriptor).isDirectory()) throw fileError(file, 'is a directory; name the YAML file in it');
    // not by the size that the file tells: pipes and devices tell none
    const buffer = Buffer.alloc(LARGEST_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read)
      read = readSync(descriptor, buffer, length, buffer.length - length, null);
    if (length > LARGEST_BYTES)
      throw fileError(file, 'is larger than 1 MiB; a configuration is a few kB, check the name');
    return buffer.subarray(0, length);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw fileError(file, unreadable(error as NodeJS.ErrnoException), error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function unreadable(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'does not exist; check the name, or start without --config.file for the defaults';
  if (error.code === 'EACCES') return 'cannot be read by this user; change its owner or mode';
  return `cannot be read (${error.message}); check the name`;
}

function decode(bytes: Buffer, file: string): string {
  if (!isUtf8(bytes)) throw fileError(file, 'is not UTF-8 text; save it as UTF-8');
  // a byte order mark is no text
  return bytes.toString().replace(/^\ufeff/, '');
}

function parse(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const problems = syntaxProblems([...document.errors, ...document.warnings], lines);
    if (problems.length > 0) throw new ConfigError(problems, file);
    const value: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
    const empty = value === null || value === undefined;
    if (!empty && (typeof value !== 'object' || Array.isArray(value)))
      throw fileError(file, 'does not start with keys; write keys such as "web:" and "monitors:" at the left margin');
    return {
      value: empty ? {} : (withoutNulls(value) as Record<string, unknown>),
      empty,
      lineOf(path) {
        let node = document.contents as Node | null | undefined;
        let offset: number | undefined;
        for (const part of path) {
          if (isAlias(node)) node = node.resolve(document);
          if (isMap(node)) {
            const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
            if (!pair) break;
            offset = (pair.key as Node).range?.[0];
            node = pair.value as Node | null;
          } else if (isSeq(node)) {
            node = node.items[Number(part)] as Node | undefined;
            offset = node?.range?.[0] ?? offset;
          } else break;
        }
        return offset === undefined ? undefined : lines.linePos(offset).line;
      },
    };
  } catch (error) {
    if (error instanceof RangeError)
      throw fileError(
        file,
        'is nested too deeply, or an alias (*name) lies inside its own node; a configuration has a few levels',
        error,
      );
    if (!(error instanceof ReferenceError)) throw error;
    if (error.message.startsWith('Excessive'))
      throw fileError(
        file,
        `repeats nodes through aliases (*name) more than ${MOST_ALIASES} times; write them out`,
        error,
      );
    throw fileError(file, `${error.message}; write "&name" before the node that "*name" repeats`, error);
  }
}

/** One wrong character makes the parser stumble again further on, so only the first is told; a key that occurs twice does not. */
function syntaxProblems(
  errors: readonly { code: string; message: string; pos: [number, number] }[],
  lines: LineCounter,
): Problem[] {
  const first = errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  return errors
    .filter((error) => error === first || error.code === 'DUPLICATE_KEY')
    .map(({ code, message, pos }) => {
      const { line, col } = lines.linePos(pos[0]);
      return { key: `line ${line}, column ${col}`, message: SYNTAX[code] ?? `no valid YAML: ${message}` };
    });
}

const SYNTAX: Record<string, string | undefined> = {
  TAB_AS_INDENT: 'a tab indents this line; indent with spaces',
  DUPLICATE_KEY: 'this key occurs twice; keep one of them',
  RESOURCE_EXHAUSTION: 'the file is nested too deeply; a configuration has a few levels',
  MULTIPLE_DOCS: 'a second document starts here (---); keep one document in the file',
};

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  );
}

function fileError(file: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ key: 'file', message }], file, cause);
}
