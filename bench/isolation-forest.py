"""Serves one scikit-learn IsolationForest to isolation-forest.mjs.

A line of JSON on standard input asks for one round, a line of JSON answers with CPU milliseconds of this process (time.process_time).
Data comes as raw float64 files, so that both sides see the same bits.
"""

import json
import sys
import time

import numpy
import sklearn
from sklearn.ensemble import IsolationForest


def cpu_ms(work):
    start = time.process_time()
    result = work()
    return 1000 * (time.process_time() - start), result


def matrix(path, columns):
    return numpy.fromfile(path, dtype=numpy.float64).reshape(-1, columns)


def main():
    print(json.dumps({"version": sklearn.__version__}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        train = matrix(job["train"], job["columns"])
        test = matrix(job["test"], job["columns"])
        forest = IsolationForest(
            n_estimators=100, max_samples=256, contamination=job["contamination"], random_state=job["seed"], n_jobs=1
        )
        fit, _ = cpu_ms(lambda: forest.fit(train))
        score, scores = cpu_ms(lambda: -forest.score_samples(test))
        one, _ = cpu_ms(lambda: [forest.score_samples(test[i : i + 1]) for i in range(10)])
        scores.astype(numpy.float64).tofile(job["scores"])
        print(json.dumps({"fit": fit, "score": score, "one": one / 10}), flush=True)


main()
