import fc from 'fast-check';
import { crc32 } from './crc32.ts';

/** One bit at a time, from the definition. */
function slowCrc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

describe('crc32', () => {
  test.each([
    ['', 0],
    ['a', 0xe8b7be43],
    ['123456789', 0xcbf43926],
    ['The quick brown fox jumps over the lazy dog', 0x414fa339],
  ])('%j has the published sum', (text, sum) => {
    expect(crc32(new TextEncoder().encode(text))).toBe(sum);
  });

  test('equals the bitwise definition, also of a part and in two steps', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
        const [from, to] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
        expect(crc32(bytes, from, to)).toBe(slowCrc32(bytes.subarray(from, to)));
        expect(crc32(bytes, from, bytes.length, crc32(bytes, 0, from))).toBe(slowCrc32(bytes));
      }),
    );
  });
});
