/** What a label says: 0 normal, 1 anomalous, NaN nothing. */
import { parseNumber, type Cell } from '../sources/csv/cells.ts';
import { shown, TableError } from '../sources/csv/table-error.ts';

/** Texts that mean normal when nobody says which do. */
const NORMAL = new Set(['normal', 'benign', 'ok', 'good', 'no', 'none', 'background', 'legitimate', 'inlier']);
const DIFFERENT_SHOWN = 8;

export interface LabelReader {
  /** Throws a `TableError` for a label that could mean either. */
  read(cell: Cell, line: number): number;
  /** After the last row: throws a `TableError` when the labels were texts none of which is known to mean normal. */
  finish(): void;
}

/**
 * Numbers: 0 is normal, any other anomalous. Texts: `normal`, `benign` and the like are normal, every other is a kind of anomaly. With `normal`, exactly these
 * values are normal.
 */
export function createLabelReader(file: string, column: string, normal?: readonly string[]): LabelReader {
  const given = normal && new Set(normal.map(key));
  const texts = new Set<string>();
  let normals = 0;

  function meaning(cell: Cell, line: number): number {
    const text = key(String(cell));
    if (text === '') return NaN;
    if (given) return given.has(text) ? 0 : 1;
    const number = parseNumber(cell);
    if (number === -1) {
      const problem =
        'a label of -1 means anomalous to some and normal to others; say which value is normal, for example with --normal-label 1';
      throw new TableError(file, problem, { line, column });
    }
    if (number !== undefined && number === number) return number === 0 ? 0 : 1;
    if (texts.size < DIFFERENT_SHOWN) texts.add(String(cell));
    return NORMAL.has(text) ? 0 : 1;
  }

  return {
    read(cell, line) {
      const label = meaning(cell, line);
      if (label === 0) normals++;
      return label;
    },
    finish() {
      if (normals > 0 || (given === undefined && texts.size === 0)) return;
      const seen = [...texts].map(shown).join(', ');
      throw new TableError(
        file,
        given
          ? `no row has the label ${[...given].map(shown).join(' or ')} that --normal-label names`
          : `no label is known to mean normal (there are ${seen}${texts.size === DIFFERENT_SHOWN ? ' …' : ''}); name those that do with --normal-label`,
        { column },
      );
    },
  };
}

/** Labels are compared without case, space around them, and the full stop that some collections end them with. */
function key(text: string): string {
  return text.trim().toLowerCase().replace(/\.$/, '');
}
