import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Observer } from '../flow.ts';
import { readTable } from '../sources/csv/table-reader.ts';
import { sealedJson } from '../store/sealed-json.ts';
import { removeFolders, temporaryFolder } from '../store/testing/disk.ts';
import { fitTable, prepareTable, type TableFit } from './table-fit.ts';
import { scoreTable } from './table-model.ts';
import { readTableRows } from './table-rows.ts';
import { loadTable, saveTable } from './table-store.ts';

const observer: Observer = { log: { debug() {}, info() {}, warn() {}, error() {} }, count() {} };

afterAll(removeFolders);

async function fit(seed = 0, detectors = ['isolation-forest', 'local-outlier-factor']): Promise<TableFit> {
  async function* text() {
    await Promise.resolve();
    yield 'bytes,proto,__proto__\n';
    for (let i = 0; i < 200; i++) yield `${(i * i) % 997},${['tcp', '__proto__'][i % 2]},${i % 5}\n`;
  }
  const rows = await readTableRows(await readTable('x.csv', text()), {
    ...{ roles: {}, sample: 'first', mostRows: 1000, mostCategories: 10, seed: 0 },
  });
  return fitTable(
    prepareTable(rows, {
      detectors: detectors.map((name) => ({ name, options: {} })),
      ensemble: { method: 'mean', votes: 2 },
      ...{ series: false, time: null, entity: null, scaler: 'robust', normalOnly: false },
      ...{ contamination: 0.1, folds: 2, seed },
    }),
  );
}

const save = (storage: string, { model, costs }: TableFit, now: number) =>
  saveTable(storage, 'flows', model, costs, { seed: 0, read: 200, now }, observer);

test('A model that is loaded scores as the one that was saved, bit for bit, with all that belongs to it.', async () => {
  const storage = temporaryFolder();
  const fitted = await fit();
  await save(storage, fitted, 1);
  const { model } = loadTable(storage, 'flows', observer);
  expect(scoreTable(model, fitted.encoded)).toEqual(scoreTable(fitted.model, fitted.encoded));
  expect(model.encoder).toEqual(fitted.model.encoder);
  expect([model.order, model.ensembleThreshold]).toEqual([fitted.model.order, fitted.model.ensembleThreshold]);
});

test('The newest run counts, also when it has other detectors than the one before.', async () => {
  const storage = temporaryFolder();
  await save(storage, await fit(0), 1);
  await save(storage, await fit(1, ['local-outlier-factor']), 2);
  const { model, trainedAt } = loadTable(storage, 'flows', observer);
  expect([model.members.map(({ name }) => name), trainedAt]).toEqual([['local-outlier-factor'], 2]);
});

test.each<[string, (options: Record<string, unknown>) => unknown, string]>([
  [
    'of a newer format',
    ({ format: _format, ...rest }) => ({ ...rest, format: 2 }),
    'a newer netpulse wrote it; upgrade, or train again',
  ],
  ['that is no table', () => ({ format: 1 }), 'is not one of a table; train it again'],
  [
    'of a detector that is not there',
    (table) => ({ ...table, members: ['local-outlier-factor', 'oracle'] }),
    'detector oracle, which this netpulse does not have',
  ],
])('A model %s is an error that says what to do.', async (_, change, told) => {
  const storage = temporaryFolder();
  await save(storage, await fit(0, ['local-outlier-factor']), 1);
  const path = join(storage, 'models/flows/table/local-outlier-factor/v1/manifest.json');
  const { seal: _seal, ...manifest } = JSON.parse(readFileSync(path, 'utf8')) as {
    seal: unknown;
    options: { table: Record<string, unknown> };
  };
  writeFileSync(
    path,
    sealedJson({ ...manifest, options: { ...manifest.options, table: change(manifest.options.table) } }),
  );
  expect(() => loadTable(storage, 'flows', observer)).toThrow(told);
});

test('A save that fails half-way leaves the run before in use.', async () => {
  const storage = temporaryFolder();
  const before = await fit(0);
  await save(storage, before, 1);
  const after = await fit(1);
  const [first, second] = after.model.members;
  const failing = {
    ...second,
    model: {
      ...second.model,
      save: () => {
        throw new Error('the disk is on fire');
      },
    },
  };
  await expect(save(storage, { ...after, model: { ...after.model, members: [first, failing] } }, 2)).rejects.toThrow(
    'on fire',
  );
  const { model, trainedAt } = loadTable(storage, 'flows', observer);
  expect(trainedAt).toBe(1);
  expect(scoreTable(model, before.encoded)).toEqual(scoreTable(before.model, before.encoded));
});
