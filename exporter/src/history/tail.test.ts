import fc from 'fast-check';
import { createTail } from './tail.ts';

test('a tail behaves as an array of the newest rows, whatever is pushed and dropped', () => {
  const command = fc.oneof(
    fc.record({ push: fc.integer({ min: -1000, max: 1000 }), limit: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ drop: fc.nat(8) }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const tail = createTail(2);
      let model: number[] = [];
      for (const command of commands) {
        if ('drop' in command) {
          tail.drop(command.drop);
          model = model.slice(command.drop);
        } else {
          const { push: n, limit } = command;
          const lost = tail.push(n, [n + 0.5, -n], limit);
          expect(lost).toBe(Math.max(0, model.length + 1 - limit));
          model = [...model, n].slice(-limit);
        }
        expect(tail.count).toBe(model.length);
        expect([...tail.times]).toEqual(model);
        expect([...tail.values]).toEqual(model.flatMap((n) => [n + 0.5, n === 0 ? -0 : -n]));
      }
    }),
  );
});
