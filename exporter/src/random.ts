/**
 * Seeded random numbers: sfc32 (Chris Doty-Humphrey's Small Fast Counting generator, PractRand), 128 bits of state, the same sequence on every machine.
 */

export interface Random {
  /** uniform in [0, 1) */
  next(): number;
  /** standard normal (Marsaglia's polar method) */
  normal(): number;
  /** whole number in [0, n) */
  below(n: number): number;
  /** uniform in [low, high) */
  between(low: number, high: number): number;
}

/** `stream` separates independent sequences of one seed. */
export function seededRandom(seed: number, stream = 0): Random {
  let a = seed | 0;
  let b = Math.floor(seed / 0x1_0000_0000) | 0;
  let c = stream | 0;
  let d = 1;
  const bits = (): number => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) bits();
  let spare: number | undefined;
  const next = () => bits() / 0x1_0000_0000;
  return {
    next,
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      for (;;) {
        const u = 2 * next() - 1;
        const v = 2 * next() - 1;
        const s = u * u + v * v;
        if (s > 0 && s < 1) {
          const scale = Math.sqrt((-2 * Math.log(s)) / s);
          spare = v * scale;
          return u * scale;
        }
      }
    },
    below: (n) => Math.floor(next() * n),
    between: (low, high) => low + (high - low) * next(),
  };
}
