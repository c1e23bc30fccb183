import fc from 'fast-check';
import { decodeSnapshot, encodeSnapshot, type TypedArray } from './snapshot.ts';

const anyArray: fc.Arbitrary<TypedArray> = fc.oneof(
  fc.float64Array(),
  fc.float32Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int8Array(),
  fc.uint8Array(),
  fc.uint8ClampedArray(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
) as fc.Arbitrary<TypedArray>;

const bytesOf = (array: TypedArray) => Array.from(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));

describe('snapshot', () => {
  test('any JSON and any arrays come back bit for bit, at any offset of the bytes', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.dictionary(fc.string(), anyArray, { maxKeys: 8 }),
        fc.nat(17),
        (meta, arrays, shift) => {
          const encoded = encodeSnapshot(meta, arrays);
          const shifted = new Uint8Array(encoded.length + shift);
          shifted.set(encoded, shift);
          const decoded = decodeSnapshot(shifted.subarray(shift));
          expect(decoded.meta).toEqual(JSON.parse(JSON.stringify(meta)));
          expect(Object.keys(decoded.arrays).sort()).toEqual(Object.keys(arrays).sort());
          for (const [name, array] of Object.entries(arrays)) {
            const back = decoded.arrays[name];
            expect(back[Symbol.toStringTag]).toBe(array[Symbol.toStringTag]);
            expect(bytesOf(back)).toEqual(bytesOf(array));
            expect(back.byteOffset % back.BYTES_PER_ELEMENT).toBe(0);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('the payload of a NaN and the sign of zero survive', () => {
    const bits = BigUint64Array.of(0x7ff8dead_beef0001n, 0xfff00000_00000001n, 0x80000000_00000000n);
    const { arrays } = decodeSnapshot(encodeSnapshot({}, { odd: new Float64Array(bits.buffer) }));
    expect(new BigUint64Array(arrays.odd.buffer, arrays.odd.byteOffset, 3)).toEqual(bits);
  });

  test('arrays that are views of a larger buffer are written alone', () => {
    const whole = Float64Array.from({ length: 100 }, (_, i) => i);
    const encoded = encodeSnapshot(null, { part: whole.subarray(10, 13) });
    expect(encoded.length).toBeLessThan(200);
    expect(decodeSnapshot(encoded).arrays.part).toEqual(Float64Array.of(10, 11, 12));
  });

  test('aligned bytes are not copied', () => {
    const encoded = encodeSnapshot(null, { part: Float64Array.of(1) });
    expect(decodeSnapshot(encoded).arrays.part.buffer).toBe(encoded.buffer);
  });

  test('every truncation and every appended byte is refused', () => {
    const encoded = encodeSnapshot({ a: [1, 2] }, { x: Float64Array.of(1, 2), y: Uint8Array.of(3) });
    for (let length = 0; length < encoded.length; length++) {
      expect(() => decodeSnapshot(encoded.slice(0, length))).toThrow(/^snapshot: /);
    }
    expect(() => decodeSnapshot(Uint8Array.of(...encoded, 0))).toThrow(/should have \d+ bytes and has \d+/);
  });

  test('garbage is refused with a message, never read outside the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
        expect(() => decodeSnapshot(garbage)).toThrow(/^snapshot: /);
      }),
    );
  });

  test('damage anywhere gives an error of ours or arrays inside the bytes, never anything else', () => {
    const encoded = encodeSnapshot({ a: 'b' }, { first: Float64Array.of(1, 2, 3), second: Int32Array.of(4) });
    fc.assert(
      fc.property(fc.nat(encoded.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = encoded.slice();
        damaged[at] ^= change;
        try {
          for (const array of Object.values(decodeSnapshot(damaged).arrays)) {
            expect(array.byteOffset + array.byteLength).toBeLessThanOrEqual(damaged.length);
          }
        } catch (error) {
          expect((error as Error).message).toMatch(/^snapshot: /);
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([[undefined], [() => 1], [Symbol('x')]])('meta that is no JSON is refused: %p', (meta) => {
    expect(() => encodeSnapshot(meta, {})).toThrow('meta is not JSON');
  });
});
