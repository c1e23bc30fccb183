/** Something in a table that cannot be used. The message names the file and, where there is one, the line and the column, and says what to do. */
export class TableError extends Error {
  constructor(file: string, problem: string, place: { readonly line?: number; readonly column?: string } = {}) {
    const where = [
      file,
      place.line === undefined ? '' : `line ${place.line}`,
      place.column === undefined ? '' : `column "${place.column}"`,
    ].filter((part) => part !== '');
    super(`${where.join(', ')}: ${problem}`);
    this.name = 'TableError';
  }
}

/** A value as a message shows it: quoted, and cut when it is long. */
export function shown(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}
