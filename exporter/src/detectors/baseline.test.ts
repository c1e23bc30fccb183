import { baseline } from './baseline.ts';
import { describeDetector } from './conformance.ts';

// it expects a level that moves within hours, so a row's own random part is not predicted
describeDetector(baseline(), { predicts: false });
