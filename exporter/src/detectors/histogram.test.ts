import type { Matrix } from '../flow.ts';
import { describeDetector } from './conformance.ts';
import { asRows, specs } from './conformance-data.ts';
import { histogram } from './histogram.ts';

describeDetector(histogram());

const OPTIONS = { seed: 0, features: specs(2), rowsPerDay: 0 };

/** Column 0 is 0 .. 100 evenly, column 1 is 1, 2 or 5. */
function table() {
  const data = new Float64Array(2000);
  for (let row = 0; row < 1000; row++) {
    data[2 * row] = (row * 37) % 101;
    data[2 * row + 1] = [1, 1, 1, 2, 2, 5][row % 6];
  }
  return asRows(data, 2);
}

function scoreOf(values: number[]): number[] {
  const detector = histogram({ bins: 20 });
  const out = new Float64Array(values.length / 2);
  detector.score(detector.fit(table(), OPTIONS), asRows(Float64Array.from(values), 2), out);
  return [...out];
}

describe('what is special about histograms', () => {
  it('scores a value by how rare it is in its column', () => {
    const [common, rare, unseen] = scoreOf([50, 1, 50, 5, 50, 3]);
    expect(common).toBeLessThan(rare);
    // 5 occurs in 166 rows, 3 in none
    expect(unseen - rare).toBeCloseTo(Math.log(166.5 / 0.5), 6);
  });

  it('goes on from the outermost bin outside the range, by 1 a bin, and stops at 30', () => {
    const [edge, near, far, further, furthest, below] = scoreOf([100, 1, 105, 1, 150, 1, 1e6, 1, 1e300, 1, -50, 1]);
    expect(near - edge).toBeCloseTo(1, 6);
    expect(far - edge).toBeCloseTo(10, 6);
    expect(further - edge).toBeCloseTo(30, 6);
    expect(furthest).toBe(further);
    expect(below - far).toBeCloseTo(0, 0);
  });

  it('blames the column whose value is surprising', () => {
    const detector = histogram();
    const out: Matrix = { rows: 1, columns: 2, data: new Float64Array(2) };
    detector.contributions!(detector.fit(table(), OPTIONS), asRows(Float64Array.of(50, 4), 2), out);
    expect(out.data[1]).toBeGreaterThan(0.99);
  });
});
