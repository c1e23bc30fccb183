/** Rows in memory that the disk does not have yet, oldest first. */
export interface Tail {
  readonly count: number;
  /** one a row; valid until the next `push` or `drop` */
  readonly times: Float64Array;
  /** rows x columns, row-major; valid until the next `push` or `drop` */
  readonly values: Float32Array;
  /** Keeps at most `limit` rows, the newest; returns how many had to go. */
  push(time: number, row: ArrayLike<number>, limit: number): number;
  /** Forgets the oldest `rows`. */
  drop(rows: number): void;
}

export function createTail(columns: number): Tail {
  let times = new Float64Array(2);
  let values = new Float32Array(2 * columns);
  let first = 0;
  let count = 0;

  /** Room for one more behind the last: by moving to the front when half is free there, else by doubling. */
  function makeRoom(): void {
    if (first + count < times.length) return;
    const grown = first * 2 >= times.length ? times.length : times.length * 2;
    const target = grown === times.length ? times : new Float64Array(grown);
    const targetValues = grown === times.length ? values : new Float32Array(grown * columns);
    target.set(times.subarray(first, first + count));
    targetValues.set(values.subarray(first * columns, (first + count) * columns));
    times = target;
    values = targetValues;
    first = 0;
  }

  function drop(rows: number): void {
    const gone = Math.min(rows, count);
    first += gone;
    count -= gone;
    if (count === 0) first = 0;
  }

  return {
    get count() {
      return count;
    },
    get times() {
      return times.subarray(first, first + count);
    },
    get values() {
      return values.subarray(first * columns, (first + count) * columns);
    },
    push(time, row, limit) {
      const over = Math.max(0, count + 1 - Math.max(1, limit));
      drop(over);
      makeRoom();
      times[first + count] = time;
      values.set(row, (first + count) * columns);
      count += 1;
      return over;
    },
    drop,
  };
}
