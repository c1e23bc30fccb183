/**
 * A saved model is one ArrayBuffer: a header, then typed sections that start at multiples of 8 bytes.
 *
 *   0  uint32 magic   4  uint32 layout version    8  uint32 FNV-1a of all other bytes   12  uint32 number of sections
 *   16 detector name, 32 bytes of ASCII, zero-padded
 *   48 for each section: uint32 kind, uint32 length in elements
 *
 * Numbers are in the machine's byte order; on a machine of the other order the magic does not match and the model is refused.
 */
const MAGIC = 0x4c444d4e;
const NAME_AT = 16;
const NAME_BYTES = 32;
const SECTIONS_AT = NAME_AT + NAME_BYTES;

const KINDS = ['f64', 'f32', 'i32', 'u16'] as const;
const ARRAYS = { f64: Float64Array, f32: Float32Array, i32: Int32Array, u16: Uint16Array };

interface Sections {
  f64: Float64Array<ArrayBuffer>;
  f32: Float32Array<ArrayBuffer>;
  i32: Int32Array<ArrayBuffer>;
  u16: Uint16Array<ArrayBuffer>;
}
type Kind = keyof Sections;

/** `version` is that of the detector's own layout: it goes up whenever the meaning of a section changes. The arrays are copied. */
export function packModel(detector: string, version: number, sections: readonly Sections[Kind][]): ArrayBuffer {
  if (new TextEncoder().encode(detector).length > NAME_BYTES)
    throw new Error(`the name "${detector}" must have at most ${NAME_BYTES} bytes`);
  const starts: number[] = [];
  let size = align(SECTIONS_AT + 8 * sections.length);
  for (const section of sections) {
    starts.push(size);
    size = align(size + section.byteLength);
  }
  const buffer = new ArrayBuffer(size);
  const bytes = new Uint8Array(buffer);
  const header = new Uint32Array(buffer, 0, 4);
  const directory = new Uint32Array(buffer, SECTIONS_AT, 2 * sections.length);
  header[0] = MAGIC;
  header[1] = version;
  header[3] = sections.length;
  new TextEncoder().encodeInto(detector, bytes.subarray(NAME_AT, SECTIONS_AT));
  sections.forEach((section, i) => {
    directory[2 * i] = KINDS.findIndex((kind) => section instanceof ARRAYS[kind]);
    directory[2 * i + 1] = section.length;
    bytes.set(new Uint8Array(section.buffer, section.byteOffset, section.byteLength), starts[i]);
  });
  header[2] = checksum(bytes);
  return buffer;
}

/**
 * Copies of the sections, in the order and of the kinds that `packModel` wrote. Throws when the buffer is not a model, is another detector's, has another
 * layout version, or is damaged; what the numbers mean is for the detector to check.
 */
export function unpackModel<const Layout extends readonly Kind[]>(
  detector: string,
  version: number,
  layout: Layout,
  buffer: ArrayBuffer,
): { -readonly [I in keyof Layout]: Sections[Layout[I]] } {
  const refuse = (problem: string): never => {
    throw new Error(`cannot load this ${detector} model: ${problem}; fit it again`);
  };
  if (buffer.byteLength < SECTIONS_AT) refuse(`${buffer.byteLength} bytes are too few for a header`);
  const bytes = new Uint8Array(buffer);
  const [magic, foundVersion, sum, count] = new Uint32Array(buffer, 0, 4);
  if (magic !== MAGIC) refuse('the file does not begin like a saved model');
  const name = String.fromCharCode(...bytes.subarray(NAME_AT, SECTIONS_AT)).replace(/\0+$/, '');
  if (name !== detector) refuse(`it belongs to the detector "${printable(name)}"`);
  if (foundVersion !== version) refuse(`its layout is version ${foundVersion}, this program reads version ${version}`);
  if (checksum(bytes) !== sum) refuse('its checksum is wrong, the file is truncated or damaged');
  if (count !== layout.length) refuse(`it has ${count} sections instead of ${layout.length}`);

  const directory = new Uint32Array(buffer, SECTIONS_AT, 2 * layout.length);
  let at = align(SECTIONS_AT + 8 * layout.length);
  const sections = layout.map((kind, i) => {
    if (KINDS[directory[2 * i]] !== kind) refuse(`section ${i} does not hold ${kind} numbers`);
    const Array = ARRAYS[kind];
    const end = at + directory[2 * i + 1] * Array.BYTES_PER_ELEMENT;
    if (end > buffer.byteLength) refuse(`section ${i} ends after the last byte`);
    const section = new Array(buffer.slice(at, end));
    at = align(end);
    return section;
  });
  if (at !== buffer.byteLength) refuse(`${buffer.byteLength - at} bytes follow the last section`);
  return sections as { -readonly [I in keyof Layout]: Sections[Layout[I]] };
}

function align(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** FNV-1a of all bytes but its own four. */
function checksum(bytes: Uint8Array): number {
  const { imul } = Math;
  let hash = 0x811c9dc5;
  for (let i = 0; i < 8; i++) hash = imul(hash ^ bytes[i], 0x01000193);
  for (let i = 12; i < bytes.length; i++) hash = imul(hash ^ bytes[i], 0x01000193);
  return hash >>> 0;
}

function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?');
}
