/**
 * Room for entities that were not there before. Flat arrays are indexed `[entity * columns + column]`, so a new entity index only ever appends.
 */

type Numbers = Float64Array | Float32Array | Int32Array | Uint32Array | Uint16Array;

/** A copy of `array` that is `length` long; the new places hold `fill`. */
export function grown<A extends Numbers>(make: new (length: number) => A, array: A, length: number, fill = 0): A {
  const next = new make(length);
  if (fill !== 0) next.fill(fill, array.length);
  next.set(array);
  return next;
}

/** Entities to make room for when `needed` exceeds `capacity`: at least twice as many, so that growing one by one stays linear. */
export function nextCapacity(capacity: number, needed: number): number {
  return Math.max(16, needed, capacity * 2);
}

/** One more than the largest entity index of the first `rows`; throws a RangeError on a negative one. */
export function entitiesIn(entity: Int32Array, rows: number): number {
  let largest = -1;
  let smallest = 0;
  for (let row = 0; row < rows; row++) {
    const index = entity[row];
    if (index > largest) largest = index;
    if (index < smallest) smallest = index;
  }
  if (smallest < 0) throw new RangeError(`entity index ${smallest} is negative; indexes count from 0`);
  return largest + 1;
}

/** Throws a RangeError that names the buffer when it is shorter than the rows it has to hold. */
export function requireLength(name: string, length: number, needed: number): void {
  if (length < needed)
    throw new RangeError(`${name} holds ${length} values, ${needed} are needed; allocate a larger buffer`);
}
