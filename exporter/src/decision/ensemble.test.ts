import fc from 'fast-check';
import { allMembers, combination, combine, membersInUse } from './ensemble.ts';

const names = ['baseline', 'isolation-forest', 'conditional', 'var'];
const bits = (...members: string[]) => members.reduce((sum, name) => sum | (1 << names.indexOf(name)), 0);
const mean = { method: 'mean', votes: 2 } as const;

describe('the members of an ensemble', () => {
  test.each([
    ['conditional and a fifth of var where there is a conditional', mean, names, [0, 0, 1, 0.2]],
    ['conditional alone without var', mean, names.slice(0, 3), [0, 0, 1]],
    ['every detector where there is no conditional', mean, names.slice(0, 2), [1, 1]],
    ['those that are configured', { ...mean, members: { baseline: 2, var: 1 } }, names, [2, 0, 0, 1]],
    ['all of them for the largest score', { method: 'max', votes: 2 }, names, [1, 1, 1, 1]],
    [
      'the four of the vote rule where they are there',
      { method: 'vote', votes: 2 },
      ['baseline', 'one-class-svm', 'conditional', 'autoencoder'],
      [0, 1, 0, 1],
    ],
  ] as const)('are %s', (_, options, detectors, weights) => {
    expect([...combination(options, detectors).weights]).toEqual(weights);
  });

  test.each([
    [{ ...mean, members: { lof: 1 } }, /member "lof" is none of the monitor's detectors \(baseline, /],
    [
      { method: 'vote', votes: 3, members: { baseline: 1, var: 1 } },
      /3 votes are needed but the ensemble has 2 members/,
    ],
  ] as const)('are refused when they cannot be: %j', (options, problem) => {
    expect(() => combination(options, names)).toThrow(problem);
  });

  test('that are warm are used as soon as they carry half of the weight, with a fitted one among them', () => {
    const mix = combination({ ...mean, members: { baseline: 1, conditional: 1, var: 0.2 } }, names);
    const all = allMembers(mix);
    expect(all).toBe(bits('baseline', 'conditional', 'var'));
    expect(membersInUse(mix, all, all)).toBe(all);
    expect(membersInUse(mix, all, bits('baseline', 'conditional'))).toBe(bits('baseline', 'conditional'));
    // the baseline alone is no ensemble, and var alone no quorum: all that score warm up together
    expect(membersInUse(mix, all, bits('baseline'))).toBe(all);
    expect(membersInUse(mix, all, bits('var'))).toBe(all);
    expect(membersInUse(mix, bits('var'), bits('var'))).toBe(0);
    expect(membersInUse(mix, bits('baseline'), bits('baseline'))).toBe(0);
    expect(membersInUse(mix, bits('baseline', 'var'), all)).toBe(bits('baseline', 'var'));
  });
});

describe('a combined score', () => {
  test('is the weighted mean of the members in use, whatever the others score', () => {
    const mix = combination(mean, names);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { minLength: 4, maxLength: 4 }), (scores) => {
        expect(combine(mix, bits('conditional', 'var'), scores, 0, [])).toBeCloseTo(
          (scores[2] + 0.2 * scores[3]) / 1.2,
          10,
        );
        expect(combine(mix, bits('conditional'), [NaN, NaN, scores[2], NaN], 0, [])).toBe(scores[2]);
        expect(combine(mix, bits('conditional', 'var'), [0, 0, scores[2], NaN], 0, [])).toBeNaN();
      }),
    );
  });

  test('is the largest, or the number of votes', () => {
    const largest = combination({ method: 'max', votes: 2 }, names);
    expect(combine(largest, allMembers(largest), [9, 1, 3, 2, 0.5], 1, [])).toBe(3);
    const vote = combination({ method: 'vote', votes: 2, members: { baseline: 1, conditional: 1, var: 1 } }, names);
    expect(combine(vote, allMembers(vote), [], 0, [1.2, 7, 0.9, 1])).toBe(2);
    expect(combine(vote, allMembers(vote), [], 0, [1.2, 7, NaN, 1])).toBeNaN();
  });
});
