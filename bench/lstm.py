"""Serves PyTorch's LSTM autoencoder to lstm.mjs: the same model, batch and optimiser, spelled as a user of PyTorch would.

A line of JSON on standard input asks for one round, a line of JSON answers with medians of CPU milliseconds of this process (time.process_time).
"""

import json
import sys
import time

import numpy
import torch
from torch import nn

torch.set_num_threads(1)


class Autoencoder(nn.Module):
    def __init__(self, features, hidden, dropout):
        super().__init__()
        self.encoder = nn.LSTM(features, hidden, batch_first=True)
        self.decoder = nn.LSTMCell(features, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, features)

    def forward(self, x):
        _, (h, c) = self.encoder(x)
        h, c = h[0], c[0]
        y, ys = torch.zeros(x.shape[0], x.shape[2]), []
        for _ in range(x.shape[1]):
            h, c = self.decoder(y, (h, c))
            y = self.output(self.dropout(h))
            ys.append(y)
        return torch.stack(ys, 1)


def median_ms(work, times):
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(1000 * (time.process_time() - start))
    return float(numpy.median(found))


def one_round(job):
    torch.manual_seed(job["seed"])
    net = Autoencoder(job["features"], job["hidden"], job["dropout"])
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = torch.tensor(numpy.fromfile(job["windows"], dtype=numpy.float32).reshape(-1, job["steps"], job["features"]))
    batch, many = x[: job["batch"]], x[: job["many"]]

    def train():
        adam.zero_grad(set_to_none=True)
        loss = ((net(batch) - batch) ** 2).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()

    def score(windows):
        with torch.inference_mode():
            error = (net(windows) - windows) ** 2
            return error[:, -1], error.mean(1)

    net.train()
    median_ms(train, job["warm"])
    result = {"train": median_ms(train, job["times"])}
    net.eval()
    result["one"] = median_ms(lambda: score(x[:1]), 10 * job["times"])
    result["many"] = median_ms(lambda: score(many), job["times"])
    return result


def main():
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        print(json.dumps(one_round(json.loads(line))), flush=True)


main()
