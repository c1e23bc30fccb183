/** Each bad-configs/<mistake>.yaml is refused with exactly the text of <mistake>.expected.txt. One without a YAML file does not exist. */
import { existsSync, writeFileSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { loadConfig } from '../src/config.ts';
import { ConfigError } from '../src/config/problems.ts';
import { detectorTypes } from '../src/detectors/registry.ts';
import { duration } from '../src/durations.ts';

const folder = join(__dirname, 'bad-configs');
const names = readdirSync(folder);
const mistakes = names
  .filter((name) => name.endsWith('.expected.txt'))
  .map((name) => name.slice(0, -'.expected.txt'.length));

const sources = {
  host: { options: z.strictObject({}) },
  probe: {
    options: z.strictObject({ targets: z.array(z.string()).optional(), timeout: duration(100, 60_000).default(2000) }),
  },
  synthetic: { options: z.strictObject({}) },
};

function messageOf(mistake: string): string {
  try {
    loadConfig({
      file: join(folder, `${mistake}.yaml`),
      env: {},
      flags: {},
      sources,
      detectors: Object.fromEntries(detectorTypes.map((type) => [type.name, type])),
    });
  } catch (error) {
    if (error instanceof ConfigError) return `${error.message.replaceAll(`${folder}/`, '')}\n`;
    throw error;
  }
  return 'accepted\n';
}

test.each(mistakes)('The mistake "%s" is told with its key, its value and a way out.', (mistake) => {
  if (process.env.UPDATE_GOLDEN) writeFileSync(join(folder, `${mistake}.expected.txt`), messageOf(mistake));
  expect(messageOf(mistake)).toBe(readFileSync(join(folder, `${mistake}.expected.txt`), 'utf8'));
});

test('Every bad configuration has its expected message.', () => {
  const files = names.filter((name) => name.endsWith('.yaml'));
  expect(files.filter((name) => !existsSync(join(folder, name.replace(/\.yaml$/, '.expected.txt'))))).toEqual([]);
});
