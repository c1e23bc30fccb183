import { incidentsToCsv } from './incident-csv.ts';
import { incident } from './testing/fixed-service.ts';

/** RFC 4180, by the letter. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))/y;
  for (let at = 0; at < text.length;) {
    cell.lastIndex = at;
    const [whole, quoted, bare] = cell.exec(text) ?? [''];
    row.push(quoted === undefined ? (bare ?? '') : quoted.replaceAll('""', '"'));
    at += whole.length;
    if (text.startsWith('\r\n', at)) {
      rows.push(row);
      row = [];
      at += 2;
    } else if (text[at] === ',') at++;
    else throw new Error(`no separator at ${at}: ${text.slice(at, at + 20)}`);
  }
  return rows;
}

const column = (text: string, name: string) => {
  const [header, ...rows] = parseCsv(text);
  return rows.map((row) => row[header.indexOf(name)]);
};

describe('incidents as CSV', () => {
  test('one row each, times in ISO 8601, what does not exist is empty', () => {
    const csv = incidentsToCsv([incident('a'), incident('b', { state: 'closed', closedAt: Date.UTC(2026, 0, 2) })]);
    expect(column(csv, 'id')).toEqual(['a', 'b']);
    expect(column(csv, 'closed_at')).toEqual(['', '2026-01-02T00:00:00.000Z']);
    expect(column(csv, 'top_feature_value')).toEqual(['0.974', '0.974']);
    expect(csv.endsWith('\r\n')).toBe(true);
  });

  test('no incident is a header alone', () => {
    expect(parseCsv(incidentsToCsv([]))).toHaveLength(1);
  });

  test.each([['=cmd|"/C calc"!A0'], ['+1'], ['-2+3'], ['@SUM(A1)'], ['\t=1'], ['\r=1'], ['\n=1'], ['  =1'], ['＝1']])(
    '%j is text for a spreadsheet, not a formula',
    (entity) => {
      expect(column(incidentsToCsv([incident('a', { entity })]), 'entity')).toEqual([`'${entity}`]);
    },
  );

  test('commas, quotes and line breaks survive', () => {
    const summary = 'a "b", c\r\nd\ne';
    expect(column(incidentsToCsv([incident('a', { summary })]), 'summary')).toEqual([summary]);
  });

  test('a negative number stays a number', () => {
    const [contribution] = incident('a').contributions;
    const csv = incidentsToCsv([incident('a', { contributions: [{ ...contribution, value: -5 }] })]);
    expect(column(csv, 'top_feature_value')).toEqual(['-5']);
  });
});
