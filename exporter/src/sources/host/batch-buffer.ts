import type { Batch, Schema } from '../../flow.ts';

/** Arrays for one batch of a schema, made once and used for every tick. */
export interface BatchBuffer {
  /** The batch of this many rows, all at `time`, for the caller to fill. Valid until the next call. */
  rows(count: number, time: number): Batch;
}

export function batchBuffer(schema: Schema): BatchBuffer {
  const width = schema.features.length;
  let entity = new Int32Array(1);
  let times = new Float64Array(1);
  let values = new Float64Array(width);
  let batch: Batch = { schema, entity, time: times, values };
  return {
    rows(count, time) {
      if (count > entity.length) {
        const capacity = Math.max(count, entity.length * 2);
        entity = new Int32Array(capacity);
        times = new Float64Array(capacity);
        values = new Float64Array(capacity * width);
      }
      if (batch.entity.length !== count || batch.entity.buffer !== entity.buffer) {
        batch = {
          schema,
          entity: entity.subarray(0, count),
          time: times.subarray(0, count),
          values: values.subarray(0, count * width),
        };
      }
      batch.time.fill(time);
      return batch;
    },
  };
}
