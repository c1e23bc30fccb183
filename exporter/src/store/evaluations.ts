/** Results of `netpulse evaluate --save NAME`: one sealed file each in the state folder, which the API serves. They are small, few, and replaced whole. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Observer } from '../flow.ts';
import type { Evaluation, EvaluationList } from '../wire/evaluation.ts';
import { RefusedFileError } from './refused-file.ts';
import { replaceFile } from './replace-file.ts';
import { readSealedJson, sealedJson } from './sealed-json.ts';

const NAME = /^[a-z0-9_-]{1,40}$/;
const EXTENSION = '.json';
/** the newest of them that are served */
const MOST = 50;

/** Throws when the name cannot be one; rejects with `WriteFailedError`, what was there before untouched. */
export async function saveEvaluation(storage: string, evaluation: Evaluation): Promise<void> {
  if (!NAME.test(evaluation.name))
    throw new Error(
      `an evaluation cannot be named "${evaluation.name}": use 1 to 40 of the characters a-z, 0-9, _ and -`,
    );
  await replaceFile(join(folderOf(storage), evaluation.name + EXTENSION), [sealedJson(evaluation)]);
}

/** Newest first, at most 50. Damaged files are set aside, counted and logged. */
export function readEvaluations(storage: string, observer: Observer): EvaluationList {
  const evaluations = filesIn(folderOf(storage)).flatMap((path) => {
    try {
      return (readSealedJson(path) as Evaluation | undefined) ?? [];
    } catch (error) {
      if (!(error instanceof RefusedFileError)) throw error;
      observer.count('state_refused_total', { kind: 'evaluation', reason: error.reason });
      observer.log.warn(error.message);
      return [];
    }
  });
  return { evaluations: evaluations.sort((a, b) => b.madeAt - a.madeAt).slice(0, MOST) };
}

function folderOf(storage: string): string {
  return join(storage, 'evaluations');
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(EXTENSION))
      .map((name) => join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
