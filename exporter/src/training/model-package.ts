/**
 * A model as one file that can be carried to another machine.
 *
 *      0  magic      89 'NPMODL' 0a
 *      8  u32        bytes of the manifest, little endian
 *     12  manifest   JSON with its own checksum; it holds the SHA-256 and the length of the model
 *      …  model      as its detector saved it
 */
import { sha256 } from '../store/atomic-file.ts';
import { sealedJson } from '../store/sealed-json.ts';
import { checkManifest, type ModelManifest } from './model-manifest.ts';

const MAGIC = Uint8Array.of(0x89, 0x4e, 0x50, 0x4d, 0x4f, 0x44, 0x4c, 0x0a);
const FIXED = 12;

export function packageModel(manifest: ModelManifest, model: ArrayBuffer): Uint8Array {
  const json = sealedJson(manifest);
  const file = new Uint8Array(FIXED + json.length + model.byteLength);
  file.set(MAGIC);
  new DataView(file.buffer).setUint32(8, json.length, true);
  file.set(json, FIXED);
  file.set(new Uint8Array(model), FIXED + json.length);
  return file;
}

/** Throws with what is wrong with the file; `name` is what the error calls it. */
export function unpackageModel(name: string, file: Uint8Array): { manifest: ModelManifest; model: ArrayBuffer } {
  const wrong = (what: string, cause?: unknown) => new Error(`${name}: ${what}`, { cause });
  if (!MAGIC.every((byte, i) => file[i] === byte))
    throw wrong(
      'it is not a model that "netpulse model export" wrote (for TensorFlow.js, name the folder that holds model.json)',
    );
  if (file.length < FIXED) throw wrong(`it ends after ${file.length} bytes`);
  const length = new DataView(file.buffer, file.byteOffset, file.byteLength).getUint32(8, true);
  const text = new TextDecoder().decode(file.subarray(FIXED, FIXED + length));
  let manifest: ModelManifest;
  try {
    const { seal: _seal, ...content } = JSON.parse(text) as { seal?: unknown };
    if (new TextDecoder().decode(sealedJson(content)) !== text)
      throw new Error('its manifest does not match its checksum');
    manifest = checkManifest(content);
  } catch (error) {
    throw wrong(error instanceof SyntaxError ? 'its manifest is damaged' : (error as Error).message, error);
  }
  const model = file.slice(FIXED + length);
  if (model.length !== manifest.bytes)
    throw wrong(`it should hold a model of ${manifest.bytes} bytes and holds ${model.length}`);
  if (sha256(model) !== manifest.sha256) throw wrong('its model does not match its checksum');
  return { manifest, model: model.buffer };
}
