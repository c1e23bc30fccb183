// Names the skipped tests of a jest report (`jest --json`) and counts all in one line. A suite that could not run counts as one failure.
import { existsSync, readFileSync } from 'node:fs';

const [file] = process.argv.slice(2);
const report = existsSync(file)
  ? JSON.parse(readFileSync(file, 'utf8'))
  : {
      numPassedTests: 0,
      numFailedTests: 1,
      numPendingTests: 0,
      numTodoTests: 0,
      numRuntimeErrorTestSuites: 0,
      testResults: [],
    };

for (const suite of report.testResults)
  for (const test of suite.assertionResults)
    if (test.status === 'pending' || test.status === 'todo') console.log(`skipped: ${test.fullName}`);

const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
console.log(
  `${report.numPassedTests} passed, ${failed} failed, ${report.numPendingTests + report.numTodoTests} skipped`,
);
process.exitCode = failed > 0 || report.numPassedTests === 0 ? 1 : 0;
