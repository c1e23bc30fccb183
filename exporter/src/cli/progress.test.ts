import { createProgress } from './progress.ts';

function progress(terminal: boolean) {
  let time = 0;
  const written: string[] = [];
  const shown = createProgress({ terminal, columns: 100, write: (text) => void written.push(text), now: () => time });
  return { ...shown, written, pass: (ms: number) => (time += ms) };
}

test('On a terminal one line is drawn again and again: share, epoch, losses and the time that is left.', () => {
  const { update, clear, written, pass } = progress(true);
  update('fitting x', { share: 0 });
  pass(1000);
  update('fitting x', { share: 0.25, epoch: 5, epochs: 20, trainLoss: 0.5, validationLoss: 0.625 });
  expect(written[1]).toBe(
    `\r\x1b[Kfitting x  ${'█'.repeat(6)}${'░'.repeat(18)}   25 %  epoch 5/20  loss 0.500, validation 0.625  3\u00a0s left`,
  );
  clear();
  expect(written[2]).toBe('\r\x1b[K');
  expect(written.join('')).not.toContain('\n');
});

test('A terminal is not drawn on more often than it can be read, but for the end.', () => {
  const { update, written, pass } = progress(true);
  for (let i = 0; i <= 1000; i++) {
    update('fitting x', { share: i / 1000 });
    pass(1);
  }
  expect(written.length).toBeLessThan(20);
  expect(written.at(-1)).toContain('100 %');
});

test('Elsewhere there are lines, few of them, and none for what is quick.', () => {
  const { update, clear, written, pass } = progress(false);
  for (let i = 0; i <= 100; i++) {
    update('fitting x', { share: i / 100, epoch: i });
    pass(1);
  }
  expect(written).toEqual([]);
  for (let i = 0; i <= 100; i++) {
    update('fitting y', { share: i / 100, epoch: i });
    pass(300);
  }
  clear();
  expect(written.length).toBeGreaterThan(4);
  expect(written.length).toBeLessThan(11);
  expect(written.every((line) => /^fitting y: \d+ % {2}epoch \d+ {2}.* left\n$/.test(line))).toBe(true);
});
