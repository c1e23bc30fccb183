import { createLabelReader } from './table-labels.ts';

function meanings(labels: readonly string[], normal?: readonly string[]): number[] {
  const reader = createLabelReader('x.csv', 'label', normal);
  const read = labels.map((label, i) => reader.read(label, i + 2));
  reader.finish();
  return read;
}

test.each<[string, string[], string[] | undefined, number[]]>([
  ['numbers', ['0', '1', '0.0', '3'], undefined, [0, 1, 0, 1]],
  ['truth values', ['false', 'true'], undefined, [0, 1]],
  ['names of attacks', ['normal', 'neptune', 'BENIGN', 'Normal.'], undefined, [0, 1, 0, 0]],
  ['missing ones', ['0', '', '1'], undefined, [0, NaN, 1]],
  ['those that are named', ['1', '-1', 'x'], ['1'], [0, 1, 1]],
])('Labels that are %s are understood.', (_, labels, normal, expected) => {
  expect(meanings(labels, normal)).toEqual(expected);
});

test('A label of -1 may mean either, so it is asked for.', () => {
  expect(() => meanings(['1', '-1'])).toThrow('x.csv, line 3, column "label": a label of -1');
});

test('Texts of which none means normal are an error that shows them.', () => {
  expect(() => meanings(['gut', 'schlecht'])).toThrow(
    'there are "gut", "schlecht"); name those that do with --normal-label',
  );
  expect(() => meanings(['a', 'b'], ['c'])).toThrow('no row has the label "c"');
});

test('Numbers of one class only are labels of one class, not an error.', () => {
  expect(meanings(['1', '1'])).toEqual([1, 1]);
});
