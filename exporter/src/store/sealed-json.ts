/** JSON that people can read and that tells when it was damaged: an object with the SHA-256 of the rest of it under `seal`. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { refuse } from './refused-file.ts';

export function sealedJson(content: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ ...content, seal: sealOf(content) }, undefined, 2)}\n`);
}

/** The object without its seal; undefined when there is no file. A damaged or edited file is set aside and `RefusedFileError` thrown. */
export function readSealedJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = parse(text);
  if (typeof parsed !== 'object' || parsed === null) throw refuse(path, 'content', 'it is not a JSON object');
  const { seal, ...content } = parsed as { seal?: unknown };
  if (sealOf(content) !== seal) {
    throw refuse(path, 'checksum', 'its content does not match its seal (damaged, or edited by hand)');
  }
  return content;
}

function sealOf(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
