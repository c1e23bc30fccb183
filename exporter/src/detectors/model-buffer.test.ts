import { packModel, unpackModel } from './model-buffer.ts';

const sections = () => [
  Float64Array.of(1.5, NaN, -0),
  Float32Array.of(0.25),
  Int32Array.of(-7, 7, 0),
  Uint16Array.of(65_535),
];
const LAYOUT = ['f64', 'f32', 'i32', 'u16'] as const;

describe('a saved model', () => {
  it('gives back every section as it was', () => {
    expect(unpackModel('some-detector', 3, LAYOUT, packModel('some-detector', 3, sections()))).toEqual(sections());
  });

  it('holds sections of any length, also none', () => {
    const empty = [new Float64Array(0), new Float32Array(3)];
    expect(unpackModel('a', 1, ['f64', 'f32'], packModel('a', 1, empty))).toEqual(empty);
    expect(unpackModel('a', 1, [], packModel('a', 1, []))).toEqual([]);
  });

  it('is not changed by what happens to the arrays or the buffer later', () => {
    const arrays = sections();
    const buffer = packModel('a', 1, arrays);
    arrays[0].fill(0);
    const read = unpackModel('a', 1, LAYOUT, buffer);
    new Uint8Array(buffer).fill(0);
    expect(read).toEqual(sections());
  });

  it('finds every single damaged bit', () => {
    const buffer = packModel('a', 1, sections());
    for (let bit = 0; bit < 8 * buffer.byteLength; bit++) {
      const damaged = buffer.slice(0);
      new Uint8Array(damaged)[bit >> 3] ^= 1 << (bit & 7);
      expect(() => unpackModel('a', 1, LAYOUT, damaged)).toThrow(/cannot load this a model/);
    }
  });

  it.each<[string, () => unknown, RegExp]>([
    ['an empty buffer', () => unpackModel('a', 1, LAYOUT, new ArrayBuffer(0)), /0 bytes are too few/],
    ['other bytes', () => unpackModel('a', 1, LAYOUT, new ArrayBuffer(100)), /does not begin like a saved model/],
    [
      "another detector's model",
      () => unpackModel('a', 1, LAYOUT, packModel('b', 1, sections())),
      /belongs to the detector "b"/,
    ],
    [
      'a detector whose name only begins alike',
      () => unpackModel('a', 1, LAYOUT, packModel('ab', 1, sections())),
      /belongs to the detector "ab"/,
    ],
    [
      'another version',
      () => unpackModel('a', 2, LAYOUT, packModel('a', 1, sections())),
      /version 1, this program reads version 2/,
    ],
    [
      'missing bytes',
      () => unpackModel('a', 1, LAYOUT, packModel('a', 1, sections()).slice(0, -8)),
      /checksum is wrong/,
    ],
    ['fewer sections', () => unpackModel('a', 1, LAYOUT, packModel('a', 1, [])), /0 sections instead of 4/],
    [
      'sections of other kinds',
      () => unpackModel('a', 1, ['f32'], packModel('a', 1, [new Float64Array(1)])),
      /section 0 does not hold f32/,
    ],
  ])('is refused when it is %s', (_, load, problem) => {
    expect(load).toThrow(problem);
  });

  it('cannot be written under a name that would be cut off', () => {
    expect(() => packModel('x'.repeat(33), 1, [])).toThrow(/at most 32 bytes/);
  });
});
