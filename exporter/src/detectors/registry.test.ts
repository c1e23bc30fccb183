import { createDetector, detectorTypes } from './registry.ts';

describe('the table of detectors', () => {
  it('makes every detector with its defaults under its own name', () => {
    for (const { name } of detectorTypes) expect(createDetector(name).name).toBe(name);
    expect(new Set(detectorTypes.map(({ name }) => name)).size).toBe(detectorTypes.length);
  });

  it('names the detectors there are when asked for one there is not', () => {
    expect(() => createDetector('isolation-tree')).toThrow(
      /no detector "isolation-tree"; known detectors: .*isolation-forest/,
    );
  });

  it('names every problem of the options', () => {
    expect(() => createDetector('isolation-forest', { trees: -1, sample: 'all', forest: 1 })).toThrow(
      /options of the detector isolation-forest: (?=.*trees)(?=.*sample)(?=.*forest)/s,
    );
  });

  it('hands the options on', () => {
    expect(createDetector('isolation-forest', { inputs: 'level' }).history).toBe(0);
    expect(createDetector('isolation-forest').history).toBe(20);
  });
});
