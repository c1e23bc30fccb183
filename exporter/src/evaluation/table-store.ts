/**
 * Models of tables on disk: one model for each detector, `<storage>/models/<name>/table/<detector>`. What was trained together carries the same run, and a run counts
 * only when all of it is there: a training that is killed while it saves leaves the one before in use.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { ensembleOptions } from '../decision/options.ts';
import { createDetector, detectorTypes } from '../detectors/registry.ts';
import type { Observer } from '../flow.ts';
import { readVersion } from '../training/model-inspection.ts';
import type { ModelFacts, ModelKey, ModelManifest } from '../training/model-manifest.ts';
import { openModelStore, type ModelStore } from '../training/model-store.ts';
import { encodedWidth, featureSpecs, SCALERS, type TableEncoder } from './table-encoder.ts';
import type { FitCost } from './table-fit.ts';
import type { TableMember, TableModel } from './table-model.ts';

const GROUP = 'table';
/** of what `tableSettings` describes */
const FORMAT = 1;

/** Any text may be a key, `__proto__` too, so the object is checked and passed on as it is. */
const counts = z.custom<Record<string, number>>(
  (value) =>
    typeof value === 'object' && value !== null && Object.values(value).every((count) => Number.isFinite(count)),
);
const tableInputs = z.strictObject({
  rows: z.number().gt(0),
  columns: z
    .array(
      z.discriminatedUnion('treatment', [
        z.strictObject({ treatment: z.literal('linear'), name: z.string(), unit: z.number(), floor: z.number() }),
        z.strictObject({ treatment: z.literal('log'), name: z.string(), unit: z.number(), floor: z.number() }),
        z.strictObject({ treatment: z.literal('category'), name: z.string(), common: z.array(z.string()), counts }),
      ]),
    )
    .min(1),
  pairs: z.array(z.strictObject({ first: z.string(), second: z.string(), counts })),
});

/** Kept under `table` beside the detector's own options. */
const tableSettings = z.strictObject({
  format: z.literal(FORMAT),
  run: z.string().min(1),
  /** detectors of the run, in their order */
  members: z.array(z.string()).min(1),
  threshold: z.number().gt(0),
  tail: z.strictObject({ quantiles: z.array(z.number()).min(1), threshold: z.number(), meanExcess: z.number().gt(0) }),
  contamination: z.number(),
  ensemble: ensembleOptions,
  /** null with one member */
  ensemble_threshold: z.number().gt(0).nullable(),
  order: z.strictObject({
    series: z.boolean(),
    time: z.string().nullable(),
    entity: z.string().nullable(),
    intervalMs: z.number().nullable(),
  }),
  encoder: z.strictObject({
    features: z.array(z.strictObject({ name: z.string(), kind: z.enum(['number', 'category']) })).min(1),
    inputs: tableInputs,
    scaler: z.enum(SCALERS),
    centre: z.array(z.number()),
    scale: z.array(z.number().gt(0)),
  }),
});
type TableSettings = z.output<typeof tableSettings>;
type SavedSettings = Omit<TableSettings, 'encoder'> & { readonly encoder: TableEncoder };

export interface SavedTable {
  readonly model: TableModel;
  readonly trainedAt: number;
  readonly manifests: readonly ModelManifest[];
}

/** `storage`: the folder that --storage.path names. */
export function modelsFolder(storage: string): string {
  return join(storage, 'models');
}

/** Beside a running exporter, so nothing unfinished is cleaned up. */
function open(storage: string, observer: Observer): ModelStore {
  return openModelStore(modelsFolder(storage), observer, { cleanUp: false });
}

/** Saves all members, or leaves the run before in use. Rejects with `WriteFailedError`. */
export async function saveTable(
  storage: string,
  name: string,
  model: TableModel,
  costs: readonly FitCost[],
  facts: { readonly seed: number; readonly read: number; readonly now: number },
  observer: Observer,
): Promise<ModelManifest[]> {
  const store = open(storage, observer);
  const run = randomBytes(8).toString('hex');
  const features = featureSpecs(model.encoder).map(({ name, unit, transform }) => ({ name, unit, transform }));
  const saved: { manifest: ModelManifest; before: ModelManifest | undefined }[] = [];
  try {
    for (const [m, member] of model.members.entries()) {
      const key = { monitor: name, group: GROUP, detector: member.name };
      const before = store.load(key)?.manifest;
      const manifest = await store.save(key, member.model.save(), {
        features,
        rows: member.model.rows,
        trainedAt: facts.now,
        seed: facts.seed,
        options: { ...member.options, table: settingsOf(model, member, run) },
        meanScore: member.meanScore,
        usualScore: null,
        historyRows: facts.read,
        notes: notesOf(costs[m]),
      });
      saved.push({ manifest, before });
    }
  } catch (error) {
    for (const { manifest, before } of saved)
      if (before) await store.putIntoForce(manifest, before.version).catch(() => undefined); // the first failure is told
    throw error;
  }
  return saved.map(({ manifest }) => manifest);
}

/**
 * The newest run of this name that is complete. Throws with a way out when there is none, when it was fitted by detectors that this netpulse does not have, and when
 * it is damaged or of a newer format.
 */
export function loadTable(storage: string, name: string, observer: Observer): SavedTable {
  const store = open(storage, observer);
  const found = detectorTypes.flatMap(({ name: detector }) =>
    store.versions({ monitor: name, group: GROUP, detector }),
  );
  if (found.length === 0) {
    const names = [...new Set(store.list().flatMap(({ group, monitor }) => (group === GROUP ? [monitor] : [])))];
    const others = names.length > 0 ? `there are ${names.join(', ')}` : 'there are none';
    throw new Error(
      `there is no table model "${name}" in ${modelsFolder(storage)} (${others}); fit one with: netpulse train FILE --name ${name}`,
    );
  }
  const runs = new Map<string, { manifest: ModelManifest; settings: TableSettings }[]>();
  const usable = found.filter(({ aside }) => aside === undefined).sort((a, b) => b.trainedAt - a.trainedAt);
  for (const [i, manifest] of usable.entries()) {
    let settings: TableSettings;
    try {
      settings = settingsIn(manifest);
    } catch (error) {
      // what an older netpulse left behind is no trouble as long as there is a newer run
      if (i === 0) throw error;
      continue;
    }
    runs.set(settings.run, [...(runs.get(settings.run) ?? []), { manifest, settings }]);
  }
  const complete = [...runs.values()]
    .filter((members) => members.length === members[0].settings.members.length)
    .sort((a, b) => b[0].manifest.trainedAt - a[0].manifest.trainedAt);
  if (complete.length === 0) {
    const missing = [...runs.values()].flatMap((members) => members[0].settings.members);
    const unknown = missing.find((detector) => !detectorTypes.some((type) => type.name === detector));
    throw new Error(
      unknown === undefined
        ? `the table model "${name}" is not complete: its training was interrupted while it was saved; train it again`
        : `the table model "${name}" was fitted with the detector ${unknown}, which this netpulse does not have; upgrade it, or train again`,
    );
  }
  const [chosen] = complete;
  const { settings } = chosen[0];
  const byName = new Map(chosen.map((member) => [member.manifest.detector, member]));
  const members = settings.members.map((detector) => memberOf(storage, byName.get(detector)!));
  const model: TableModel = {
    order: settings.order,
    encoder: settings.encoder,
    members,
    ensemble: settings.ensemble,
    ensembleThreshold: settings.ensemble_threshold ?? NaN,
    contamination: settings.contamination,
  };
  return {
    model,
    trainedAt: chosen[0].manifest.trainedAt,
    manifests: settings.members.map((detector) => byName.get(detector)!.manifest),
  };
}

function memberOf(
  storage: string,
  { manifest, settings }: { manifest: ModelManifest; settings: TableSettings },
): TableMember {
  const { table: _table, ...options } = manifest.options;
  const detector = createDetector(manifest.detector, options);
  const model = detector.load(readVersion(modelsFolder(storage), manifest));
  const columns = encodedWidth(settings.encoder);
  if (model.features !== columns)
    throw new Error(
      `the ${manifest.detector} model of "${manifest.monitor}" has ${model.features} features, its manifest ${columns}; train it again`,
    );
  return {
    name: manifest.detector,
    options,
    detector,
    model,
    threshold: settings.threshold,
    meanScore: manifest.meanScore,
    tail: settings.tail,
  };
}

function settingsOf(model: TableModel, member: TableMember, run: string): SavedSettings {
  return {
    format: FORMAT,
    run,
    members: model.members.map(({ name }) => name),
    threshold: member.threshold,
    tail: { ...member.tail, quantiles: [...member.tail.quantiles] },
    contamination: model.contamination,
    ensemble: model.ensemble,
    ensemble_threshold: model.members.length === 1 ? null : model.ensembleThreshold,
    order: model.order,
    encoder: model.encoder,
  };
}

function settingsIn({ options, monitor, detector }: ModelKey & ModelFacts): TableSettings {
  const content = (options.table ?? {}) as { format?: unknown };
  if (typeof content.format === 'number' && content.format > FORMAT)
    throw new Error(
      `the ${detector} model of the table "${monitor}" has format ${content.format}, this netpulse reads ${FORMAT}: a newer netpulse wrote it; upgrade, or train again`,
    );
  const parsed = tableSettings.safeParse(content);
  if (!parsed.success)
    throw new Error(
      `the manifest of the ${detector} model of the table "${monitor}" is not one of a table; train it again:\n${z.prettifyError(parsed.error)}`,
    );
  return parsed.data;
}

function notesOf({ seconds, progress }: FitCost): Record<string, number | string> {
  const notes: Record<string, number | string> = { fit_seconds: seconds };
  if (progress?.epoch !== undefined) notes.epochs = progress.epoch;
  if (progress?.trainLoss !== undefined) notes.train_loss = progress.trainLoss;
  if (progress?.validationLoss !== undefined) notes.validation_loss = progress.validationLoss;
  return notes;
}
