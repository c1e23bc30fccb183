// A model that "netpulse model export --format tfjs" wrote, in TensorFlow.js itself (plain CPU backend): reads rows of inputs on stdin, writes what the model makes
// of them on stdout, both JSON arrays. With --save, writes the model again as TensorFlow.js saves it.
//   node bench/interchange.mjs FOLDER [--save OTHER] < inputs.json > outputs.json
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

// TensorFlow.js greets on stderr and warns of call options that it does not need: the states are inputs of their own in the file
console.warn = () => undefined;
const tf = await import('@tensorflow/tfjs');
await tf.setBackend('cpu');

const { positionals, values } = parseArgs({ allowPositionals: true, options: { save: { type: 'string' } } });
const [folder] = positionals;
if (folder === undefined) throw new Error('usage: node bench/interchange.mjs FOLDER [--save OTHER] < inputs.json');

const { modelTopology, weightsManifest, format } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
const weightData = Uint8Array.from(readFileSync(join(folder, weightsManifest[0].paths[0]))).buffer;
const model = await tf.loadLayersModel({
  load: async () => ({ modelTopology, format, weightSpecs: weightsManifest[0].weights, weightData }),
});

const inputs = JSON.parse(readFileSync(0, 'utf8'));
const outputs = model.predict(tf.tensor(inputs));
process.stdout.write(`${JSON.stringify({ shape: outputs.shape, values: [...outputs.dataSync()] })}\n`);

if (values.save !== undefined) {
  mkdirSync(values.save, { recursive: true });
  await model.save({
    save: async (saved) => {
      const manifest = [{ paths: ['model.weights.bin'], weights: saved.weightSpecs }];
      const json = { modelTopology: saved.modelTopology, format: saved.format, weightsManifest: manifest };
      writeFileSync(join(values.save, 'model.json'), JSON.stringify(json));
      writeFileSync(join(values.save, 'model.weights.bin'), new Uint8Array(saved.weightData));
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    },
  });
}
