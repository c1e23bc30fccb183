import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEvaluations, saveEvaluation } from './evaluations.ts';
import { recordingObserver } from './testing/recording-observer.ts';
import { removeFolders, temporaryFolder } from './testing/disk.ts';

afterAll(removeFolders);

test('Saved evaluations come back newest first, a name replaces its own, and none are there at first.', async () => {
  const storage = temporaryFolder();
  const observer = recordingObserver();
  expect(readEvaluations(storage, observer)).toEqual({ evaluations: [] });
  await saveEvaluation(storage, { name: 'web', madeAt: 1, result: { rows: 3 } });
  await saveEvaluation(storage, { name: 'db-2', madeAt: 2, result: { rows: 4 } });
  await saveEvaluation(storage, { name: 'web', madeAt: 3, result: { rows: 5 } });
  expect(readEvaluations(storage, observer).evaluations).toEqual([
    { name: 'web', madeAt: 3, result: { rows: 5 } },
    { name: 'db-2', madeAt: 2, result: { rows: 4 } },
  ]);
});

test('A damaged one is set aside and said so, the others are served.', async () => {
  const storage = temporaryFolder();
  const observer = recordingObserver();
  await saveEvaluation(storage, { name: 'web', madeAt: 1, result: {} });
  writeFileSync(join(storage, 'evaluations', 'half.json'), '{"name": "half", "madeAt": 2');
  expect(readEvaluations(storage, observer).evaluations.map(({ name }) => name)).toEqual(['web']);
  expect(readEvaluations(storage, observer).evaluations.map(({ name }) => name)).toEqual(['web']);
  expect(readdirSync(join(storage, 'evaluations')).filter((name) => name.endsWith('.json'))).toEqual(['web.json']);
});

test.each(['', '../web', 'Web', 'a'.repeat(41)])('The name "%s" is refused with what is possible.', async (name) => {
  await expect(saveEvaluation(temporaryFolder(), { name, madeAt: 1, result: {} })).rejects.toThrow(
    /use 1 to 40 of the characters/,
  );
});
