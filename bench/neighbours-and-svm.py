"""Serves scikit-learn's LocalOutlierFactor and OneClassSVM to neighbours-and-svm.mjs.

A line of JSON on standard input asks for one round, a line of JSON answers with CPU milliseconds of this process (time.process_time).
Data comes as raw float64 files, standardised already, so that both sides see the same numbers.
"""

import json
import sys
import time

import numpy
import sklearn
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM


def cpu_ms(work):
    start = time.process_time()
    result = work()
    return 1000 * (time.process_time() - start), result


def matrix(path, columns):
    return numpy.fromfile(path, dtype=numpy.float64).reshape(-1, columns)


def estimator(job):
    if job["detector"] == "one-class-svm":
        return OneClassSVM(kernel="rbf", nu=0.1, gamma="scale"), lambda model: model.decision_function
    lof = LocalOutlierFactor(n_neighbors=20, novelty=True, algorithm=job["algorithm"], n_jobs=1)
    return lof, lambda model: model.score_samples


def main():
    print(json.dumps({"version": sklearn.__version__}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        train = matrix(job["train"], job["columns"])
        test = matrix(job["test"], job["columns"])
        model, scorer = estimator(job)
        fit, _ = cpu_ms(lambda: model.fit(train))
        score, scores = cpu_ms(lambda: scorer(model)(test))
        one, _ = cpu_ms(lambda: [scorer(model)(test[i : i + 1]) for i in range(20)])
        (-scores).astype(numpy.float64).tofile(job["scores"])
        print(json.dumps({"fit": fit, "score": score, "one": one / 20}), flush=True)


main()
