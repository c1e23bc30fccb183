/**
 * Brings the engine's WebAssembly to life. The binaries are base64 text in generated modules (`wasm/`), so that a bundle carries them wherever it goes,
 * workers included, without a file to find or fetch. Text is only decoded and compiled when the first detector that needs it does.
 */

/** A WebAssembly memory: `buffer` is replaced, and every view of it detached, whenever the memory grows. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** adds pages of 64 KiB */
  grow(pages: number): number;
}

/** What every module of the engine exports beside its kernels. */
export interface WasmExports {
  readonly memory: WasmMemory;
  /** the first byte behind the module's own static data: memory from here on belongs to the caller */
  heapBase(): number;
}

const PAGE = 65_536;
const MIB = 2 ** 20;
/** Bytes that 32-bit addresses reach. */
const ADDRESSES = 2 ** 32;

// TypeScript's type library has WebAssembly among the things of a browser only
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { readonly exports: unknown };
};

/**
 * A function that gives a new instance, with memory of its own, at every call; the binary is decoded and compiled at the first one.
 * `Exports` must be what the AssemblyScript source exports. Throws WebAssembly's CompileError when this machine cannot run SIMD.
 */
export function wasmModule<Exports extends WasmExports>(base64: string): () => Exports {
  let compiled: object | undefined;
  return () => {
    compiled ??= new WebAssembly.Module(Buffer.from(base64, 'base64'));
    return new WebAssembly.Instance(compiled, { env: { abort } }).exports as Exports;
  };
}

/** Lays out arrays one behind the other in an instance's memory. */
export interface Arena {
  /** the address of room for `length` numbers of 4 bytes, a multiple of 16 */
  reserve(length: number): number;
  /** grows the memory so that all that was reserved exists; throws when it cannot. Views made before it are detached: make them after. */
  commit(): void;
}

/** Starts where the module's own data ends: what an arena before it laid out is given up. */
export function arena({ memory, heapBase }: WasmExports): Arena {
  let end = align(heapBase());
  return {
    reserve(length) {
      const address = end;
      end = align(end + 4 * length);
      return address;
    },
    commit() {
      if (end > ADDRESSES)
        throw new Error(`the engine can have ${ADDRESSES / MIB} MiB, this needs ${Math.ceil(end / MIB)}`);
      const missing = end - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    },
  };
}

function align(address: number): number {
  return 16 * Math.ceil(address / 16);
}

/** Called by a kernel's `throw` or failed allocation: a bug in the engine, never a matter of data. */
function abort(_message: number, _file: number, line: number, column: number): never {
  throw new Error(`the engine stopped at line ${line}, column ${column}`);
}
