import { seededRandom } from '../random.ts';
import { centredProducts, columnMeans, countRows, createMoments, ridgeGrowth } from './linear-moments.ts';
import { addProducts, multiply } from './linear-product.ts';

const random = seededRandom(3);
const numbers = (length: number) => Float64Array.from({ length }, () => random.normal());

describe('the product of rows and a matrix', () => {
  it.each([
    [1, 1, 1],
    [1, 4, 3],
    [2, 5, 7],
    [3, 8, 16],
    [16, 13, 9],
  ])('of %i rows, %i outputs and %i columns is the sum of single products', (rows, outputs, columns) => {
    const stride = columns + 2;
    const x = { data: numbers(1 + rows * stride), from: 1, stride };
    const m = numbers(outputs * columns);
    const offset = numbers(outputs);
    const y = { data: new Float64Array(3 + rows * (outputs + 1)).fill(99), from: 3, stride: outputs + 1 };
    multiply(x, rows, m, offset, outputs, columns, y);
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < outputs; i++) {
        let sum = 0;
        for (let c = 0; c < columns; c++) sum += x.data[1 + r * stride + c] * m[i * columns + c];
        expect(y.data[3 + r * (outputs + 1) + i]).toBe(sum - offset[i]);
      }
      expect(y.data[3 + r * (outputs + 1) + outputs]).toBe(99);
    }
  });
});

describe('sums of products', () => {
  it.each([
    [1, 1],
    [5, 2],
    [7, 3],
    [16, 12],
    [9, 17],
  ])('of %i rows of %i columns are those of all pairs, and the rows can be taken out again', (rows, columns) => {
    const data = numbers(rows * columns);
    const x = { data, from: 0, stride: columns };
    const sums = new Float64Array(columns * columns);
    addProducts(x, rows, 1, columns, sums);
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let r = 0; r < rows; r++) sum += data[r * columns + i] * data[r * columns + j];
        if (j <= i) expect(sums[i * columns + j]).toBeCloseTo(sum, 12);
      }
    }
    addProducts(x, rows, -1, columns, sums);
    for (let i = 0; i < columns; i++) for (let j = 0; j <= i; j++) expect(sums[i * columns + j]).toBe(0);
  });
});

describe('moments', () => {
  it('give means and centred products of the rows that are counted', () => {
    const columns = 5;
    const data = numbers(20 * columns);
    const moments = createMoments(columns);
    countRows(moments, { data, from: 0, stride: columns }, 20, 1);
    countRows(moments, { data, from: 12 * columns, stride: columns }, 8, -1);
    const mean = columnMeans(moments);
    const products = centredProducts(moments);
    expect(moments.rows).toBe(12);
    for (let i = 0; i < columns; i++) {
      const column = (c: number) => Array.from({ length: 12 }, (_, r) => data[r * columns + c]);
      const average = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;
      expect(mean[i]).toBeCloseTo(average(column(i)), 12);
      for (let j = 0; j <= i; j++) {
        const other = column(j);
        const expected = 12 * average(column(i).map((x, r) => (x - mean[i]) * (other[r] - mean[j])));
        expect(products[i * columns + j]).toBeCloseTo(expected, 10);
      }
    }
  });

  it('ask for a larger ridge from few rows and for the same one from many', () => {
    expect(ridgeGrowth(287, 64)).toBeGreaterThan(100);
    expect(ridgeGrowth(266, 23_000)).toBeCloseTo(1, 2);
  });
});
