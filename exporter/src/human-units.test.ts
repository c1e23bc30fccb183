import { humanDuration, humanFeature, humanNumber, humanPercent, humanValue } from './human-units.ts';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('human units', () => {
  test.each([
    [0.974, 'ratio', '97.4 %'],
    [0.00042, 'ratio', '0.042 %'],
    [0, 'ratio', '0 %'],
    [1, 'ratio', '100 %'],
    [0.0000012, 'seconds', '1.2 µs'],
    [0.0418, 'seconds', '41.8 ms'],
    [1.2345, 'seconds', '1.23 s'],
    [200, 'seconds', '3 min 20 s'],
    [0, 'seconds', '0 s'],
    [2e-9, 'seconds', '2 ns'],
    [1536, 'bytes', '1.5 KiB'],
    [1023.9, 'bytes', '1 KiB'],
    [33_608_015_872, 'bytes', '31.3 GiB'],
    [41_200_000, 'bytes_per_second', '41.2 MB/s'],
    [999.7, 'bytes_per_second', '1 kB/s'],
    [500_000_000, 'bits_per_second', '500 Mbit/s'],
    [31_870, 'packets_per_second', '31,870 packets/s'],
    [0.5, 'per_second', '0.5/s'],
    [1234, 'count', '1,234'],
    [1_234_567, 'count', '1.23 M'],
    [-12.5, 'count', '−12.5'],
    [21.5, 'degrees_celsius', '21.5 degrees celsius'],
    [null, 'ratio', '–'],
    [NaN, 'seconds', '–'],
    [Infinity, 'count', '–'],
  ])('%p in %s is %s', (value, unit, text) => {
    expect(plain(humanValue(value, unit))).toBe(text);
  });

  test.each([
    [-5, '0 ms'],
    [450, '450 ms'],
    [1000, '1 s'],
    [1500, '1.5 s'],
    [59_000, '59 s'],
    [200_000, '3 min 20 s'],
    [7_200_000, '2 h'],
    [7_500_000, '2 h 5 min'],
    [349_200_000, '4 d 1 h'],
  ])('%d ms last %s', (ms, text) => {
    expect(plain(humanDuration(ms))).toBe(text);
  });

  test('the unit leaves the name of a feature, as it stands beside the value', () => {
    expect(humanFeature('cpu_usage_ratio', 'ratio')).toBe('cpu usage');
    expect(humanFeature('receive_bytes_per_second', 'bytes_per_second')).toBe('receive');
    expect(humanFeature('load1', 'count')).toBe('load1');
  });

  test('a number and its unit are never torn apart', () => {
    expect(`${humanValue(3, 'bytes')}${humanPercent(0.5)}${humanDuration(200_000)}${humanNumber(5e6)}`).not.toContain(
      ' ',
    );
  });
});
