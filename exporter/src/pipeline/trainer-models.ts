/** The models in use and what the disk has of them: taking up, saving, comparing versions. */
import type { Clock } from '../clock.ts';
import type { PipelineObserver } from '../observe.ts';
import { reasonOf } from '../store/write-failure.ts';
import type { ModelInForce } from '../training/job.ts';
import { MANIFEST_FORMAT, type ModelFacts, type ModelManifest, type Pin } from '../training/model-manifest.ts';
import type { ModelStore, StoredModel } from '../training/model-store.ts';
import type { FittedModel } from './group.ts';
import { detectorOf, keyOf, membersOf, optionsOf, type Subject } from './trainer-subject.ts';

/** One model as it is known here. */
export interface Known {
  readonly subject: Subject;
  /** of the model in use */
  manifest?: ModelManifest;
  pin?: Pin;
  /** versions that were found worse, newest first */
  aside: readonly ModelManifest[];
  /** in use by all entities of a kind */
  shared?: FittedModel;
  /** what it waits for or failed of, in one sentence */
  trouble?: string;
  /** steps of all entities of a shared model together */
  steps: number;
}

export interface TrainerModels {
  /** Takes the version that the disk has in force into use, if it fits what there is now; true when it did. */
  resume(model: Known): boolean;
  /** Takes up what a command has put into force, or released, on disk since; true when another version is in use now. */
  refresh(model: Known): boolean;
  /** A version that was chosen by hand is not replaced behind its back. */
  isPinned(model: Known): boolean;
  /** what a new model is compared with; undefined for the first */
  inForce(model: Known): ModelInForce | undefined;
  /** Scores with a model that was just fitted. `unseen`: its scores of rows it was not fitted on. */
  use(model: Known, bytes: ArrayBuffer, meanScore: number, unseen: Float64Array): void;
  /** Keeps a new version; with `aside`, without putting it into force. Never rejects for the disk. */
  save(model: Known, bytes: ArrayBuffer, facts: ModelFacts, aside: string | undefined): Promise<ModelManifest>;
}

export interface TrainerModelsOptions {
  readonly clock: Clock;
  readonly observer: PipelineObserver;
  readonly models: ModelStore;
}

export function createTrainerModels({ clock, observer, models }: TrainerModelsOptions): TrainerModels {
  const { log } = observer;

  function use(model: Known, bytes: ArrayBuffer, meanScore: number, unseen: Float64Array): void {
    const { subject } = model;
    const { member, detector, entity } = subject;
    const shared = entity === undefined;
    const fitted: FittedModel = { model: detectorOf(subject).load(bytes), meanScore, shared };
    if (shared) model.shared = fitted;
    for (const e of membersOf(subject)) member.group.use(detector, e, fitted, unseen);
  }

  function resume(model: Known): boolean {
    const { subject } = model;
    const key = keyOf(subject);
    const stored = models.load(key);
    if (!stored) return false;
    const { manifest, bytes } = stored;
    const foreign = foreignOf(subject, stored);
    if (foreign !== undefined) {
      log.warn(`a stored model is of other ${foreign} and is not used`, { ...key, version: manifest.version });
      return false;
    }
    try {
      use(model, bytes, manifest.meanScore, new Float64Array(0));
    } catch (error) {
      observer.count('state_refused_total', { kind: 'model', reason: 'content' });
      log.warn('a stored model is not used', { ...key, error: (error as Error).message });
      return false;
    }
    Object.assign(model, { manifest, pin: models.current(key)?.pin });
    model.aside = asideOf(model);
    return true;
  }

  function asideOf({ subject, manifest }: Known): ModelManifest[] {
    const versions = models.versions(keyOf(subject));
    return versions.filter(({ aside, version }) => aside !== undefined && version !== manifest?.version).reverse();
  }

  return {
    resume,
    use,
    refresh(model) {
      const key = keyOf(model.subject);
      const current = models.current(key);
      if (!current) return false;
      model.pin = current.pin;
      const before = model.manifest?.version;
      if (current.version === before || !resume(model) || model.manifest?.version === before) return false;
      log.info('another version is in force', { ...key, version: model.manifest?.version, before });
      return true;
    },
    isPinned: ({ pin }) => pin !== undefined && clock.now() >= pin.at && clock.now() < pin.until,
    inForce({ subject, manifest, shared }) {
      const { member, detector, entity } = subject;
      const fitted = entity === undefined ? shared : member.group.modelOf(detector, entity);
      if (!fitted || !manifest) return undefined;
      return { model: fitted.model.save(), trainedAt: manifest.trainedAt, usual: manifest.usualScore ?? NaN };
    },
    async save(model, bytes, facts, aside) {
      const key = keyOf(model.subject);
      let manifest: ModelManifest;
      try {
        manifest = await models.save(key, bytes, facts, { aside });
      } catch (error) {
        // a full disk does not undo the fit: the model is in use, and a restart fits again
        observer.count('store_errors_total', { store: 'models', reason: reasonOf(error) });
        log.warn('the new model could not be saved', { ...key, error: (error as Error).message });
        const unsaved = { formatVersion: MANIFEST_FORMAT, version: 'v0', sha256: '', bytes: bytes.byteLength };
        manifest = { ...key, ...facts, ...unsaved };
      }
      if (aside === undefined) Object.assign(model, { manifest, pin: undefined });
      model.aside = asideOf(model);
      return manifest;
    },
  };
}

/** What a stored model is of, that the monitor is not of. */
function foreignOf(subject: Subject, { manifest }: StoredModel): 'features' | 'options' | undefined {
  const columns = subject.member.group.columns.map(({ name }) => name).join();
  if (manifest.features.map(({ name }) => name).join() !== columns) return 'features';
  return canonical(manifest.options) === canonical(optionsOf(subject)) ? undefined : 'options';
}

function canonical(options: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)));
}
