/** Columns of text for a terminal, and fields of CSV. */

/** Rows under their titles; columns whose title begins with a `>` are ranged to the right. */
export function textTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const right = titles.map((title) => title.startsWith('>'));
  const head = titles.map((title) => title.replace(/^>/, ''));
  const width = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (right[column] ? cell.padStart(width[column]) : cell.padEnd(width[column])))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((cells) => `${line(cells)}\n`).join('');
}

/** RFC 4180. */
export function csvField(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
