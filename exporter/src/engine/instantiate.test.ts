import { type WasmExports, arena, wasmModule } from './instantiate.ts';
import { wasm } from './wasm/dense.ts';

describe('a WebAssembly module', () => {
  it('gives a new memory at every call', () => {
    const instantiate = wasmModule(wasm);
    const [one, other] = [instantiate(), instantiate()];
    expect(one).not.toBe(other);
    new Float32Array(one.memory.buffer, one.heapBase(), 1)[0] = 7;
    expect(new Float32Array(other.memory.buffer, other.heapBase(), 1)[0]).toBe(0);
  });

  it('is decoded and compiled when it is first needed, not when it is declared', () => {
    const broken = wasmModule(Buffer.from('not a module').toString('base64'));
    expect(() => broken()).toThrow(/WebAssembly.Module\(\)/);
  });
});

describe('an arena', () => {
  const instance = (): WasmExports => wasmModule(wasm)();

  it('lays arrays out one behind the other, each at a multiple of 16 bytes, behind what the module keeps for itself', () => {
    const one = instance();
    const room = arena(one);
    const addresses = [3, 1, 4, 0, 5].map((length) => room.reserve(length));
    expect(addresses[0]).toBeGreaterThanOrEqual(one.heapBase());
    expect(addresses.map((address) => address - addresses[0])).toEqual([0, 16, 32, 48, 48]);
    expect(addresses[0] % 16).toBe(0);
  });

  it('grows the memory by what is missing, to whole pages, and not when nothing is', () => {
    const one = instance();
    const room = arena(one);
    room.reserve(80_000);
    room.commit();
    expect(one.memory.buffer.byteLength).toBe(Math.ceil((one.heapBase() + 320_000) / 65_536) * 65_536);
    const { buffer } = one.memory;
    const again = arena(one);
    again.reserve(70_000);
    again.commit();
    expect(one.memory.buffer).toBe(buffer);
  });

  it('refuses more than its addresses reach', () => {
    const room = arena(instance());
    for (let i = 0; i < 8; i++) room.reserve(2 ** 27);
    expect(() => room.commit()).toThrow(/4096 MiB, this needs 4097/);
  });
});
