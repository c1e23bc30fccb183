/** CRC-32 as in ISO 3309 and zlib (reflected polynomial 0xEDB88320), eight bytes a step ("slicing by eight": Kounavis and Berry, 2005). */
const TABLES = makeTables();

/** Unsigned. `previous` continues the sum of earlier bytes. */
export function crc32(bytes: Uint8Array, from = 0, to = bytes.length, previous = 0): number {
  const t = TABLES;
  let crc = ~previous;
  let i = from;
  for (const last = to - 8; i <= last; i += 8) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc =
      t[1792 + (crc & 255)] ^
      t[1536 + ((crc >>> 8) & 255)] ^
      t[1280 + ((crc >>> 16) & 255)] ^
      t[1024 + (crc >>> 24)] ^
      t[768 + bytes[i + 4]] ^
      t[512 + bytes[i + 5]] ^
      t[256 + bytes[i + 6]] ^
      t[bytes[i + 7]];
  }
  for (; i < to; i++) crc = t[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Eight tables of 256: table k is the sum of a byte that k zero bytes follow. */
function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const crc = tables[i - 256];
    tables[i] = tables[crc & 255] ^ (crc >>> 8);
  }
  return tables;
}
