/** Saving as a stage of the pipeline: a disk that refuses is counted and logged, nothing is lost in memory, and the next save tries again. */
import type { PipelineObserver } from '../observe.ts';
import { reasonOf } from '../store/write-failure.ts';

const STAGE = 'save';

/** Never rejects. */
export async function save(observer: PipelineObserver, rows: number, write: () => Promise<void>): Promise<void> {
  await observer.observeStageAsync(STAGE, rows, () => write().catch((error: unknown) => failed(observer, error)));
}

/** The same at once, for the end of a monitor or of the process. */
export function saveSync(observer: PipelineObserver, rows: number, write: () => void): void {
  observer.observeStage(STAGE, rows, () => {
    try {
      write();
    } catch (error) {
      failed(observer, error);
    }
  });
}

function failed(observer: PipelineObserver, error: unknown): never {
  observer.count('store_errors_total', { store: 'state', reason: reasonOf(error) });
  throw error;
}
