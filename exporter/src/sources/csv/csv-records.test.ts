import fc from 'fast-check';
import { createCsvParser, LONGEST_RECORD, type CsvFault, type CsvRecord } from './csv-records.ts';

function parse(pieces: readonly string[], delimiter = ','): (CsvRecord | CsvFault)[] {
  const parser = createCsvParser(delimiter);
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()];
}

function fields(text: string, delimiter?: string): string[][] {
  return parse([text], delimiter).map((record) => ('fields' in record ? record.fields : [`! ${record.problem}`]));
}

test.each([
  ['plain fields', 'a,b\n1,2\n', [['a', 'b'], ['1', '2']]], // prettier-ignore
  ['a last line without an end', 'a,b\n1,2', [['a', 'b'], ['1', '2']]], // prettier-ignore
  ['CRLF', 'a,b\r\n1,2\r\n', [['a', 'b'], ['1', '2']]], // prettier-ignore
  ['empty lines between records', 'a\n\n\r\n1\n', [['a'], ['1']]],
  ['empty fields', ',\n,,\n', [['', ''], ['', '', '']]], // prettier-ignore
  ['quoted delimiters and doubled quotes', '"a,b","say ""hi"""\n', [['a,b', 'say "hi"']]],
  ['line ends inside quotes', '"two\r\nlines",x\r\ny,z\n', [['two\r\nlines', 'x'], ['y', 'z']]], // prettier-ignore
  ['an empty quoted field', '"",x\n', [['', 'x']]],
  ['a quote inside an unquoted field', '5" disk,x\n', [['5" disk', 'x']]],
])('%s are read.', (_, text, expected) => {
  expect(fields(text)).toEqual(expected);
});

test('A record knows the line it begins in, also behind records of several lines.', () => {
  const lines = parse(['a\n"x\n\ny"\n\nb\n']).map(({ line }) => line);
  expect(lines).toEqual([1, 2, 6]);
});

test('What follows a closing quote is a fault of that record only.', () => {
  const [first, second] = parse(['"a"b,1\nc,2\n']);
  expect(first).toEqual({ line: 1, problem: expect.stringContaining('follows a closing quote'), fatal: false });
  expect(second).toEqual({ line: 2, fields: ['c', '2'] });
});

test('A quote that is never closed is a fault with which parsing ends, and names the line of its record.', () => {
  expect(parse(['a,b\n1,"2\n3,4\n'])).toEqual([
    { line: 1, fields: ['a', 'b'] },
    { line: 2, problem: 'a quote is opened and never closed', fatal: true },
  ]);
});

test.each([
  ['without a line end', 'x'.repeat(LONGEST_RECORD + 2)],
  ['with a line end', `${'x'.repeat(LONGEST_RECORD + 2)}\na\n`],
  ['in quotes', `"${'x\n'.repeat(LONGEST_RECORD / 2 + 2)}"\na\n`],
])('A record that is too long is refused %s, and no more is kept of it.', (_, text) => {
  const parser = createCsvParser(',');
  const found: (CsvRecord | CsvFault)[] = [];
  for (let at = 0; at < text.length; at += 65_536) found.push(...parser.push(text.slice(at, at + 65_536)));
  found.push(...parser.end());
  expect(found).toEqual([{ line: 1, problem: expect.stringContaining('4 million characters'), fatal: true }]);
});

/** Text that is full of what CSV makes a difference of. */
const tricky = fc
  .array(fc.constantFrom('a', '7', '"', '""', ',', ';', '\n', '\r\n', '\r', ' ', 'é', '"x"', '"p,q"', '"r\ns"'), {
    maxLength: 60,
  })
  .map((parts) => parts.join(''));

test('Any text gives the same records and faults however it is cut into pieces.', () => {
  fc.assert(
    fc.property(tricky, fc.array(fc.nat(8), { maxLength: 40 }), fc.constantFrom(',', ';'), (text, sizes, delimiter) => {
      const pieces: string[] = [];
      let at = 0;
      for (const size of sizes) pieces.push(text.slice(at, (at += size)));
      pieces.push(text.slice(at));
      expect(parse(pieces, delimiter)).toEqual(parse([text], delimiter));
    }),
    { numRuns: 2000 },
  );
});

test('What is written as the standard says is read back.', () => {
  const field = fc.string({ unit: fc.constantFrom('a', '1', '"', ',', '\n', '\r\n', ' '), maxLength: 6 });
  const quote = (value: string) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  fc.assert(
    fc.property(fc.array(fc.array(field, { minLength: 2, maxLength: 5 }), { maxLength: 8 }), (records) => {
      const text = records.map((record) => `${record.map(quote).join()}\r\n`).join('');
      expect(fields(text)).toEqual(records);
    }),
    { numRuns: 1000 },
  );
});
