"""The dense autoencoder in PyTorch.

Without arguments: serves autoencoder.mjs. A line of JSON on standard input asks for one round, a line of JSON answers with CPU milliseconds of this process
(time.process_time). Data comes as raw float32 files, so that both sides see the same bits.

With --references: prints exporter/src/engine/fixtures/dense.json, what exporter/src/engine/dense.test.ts compares with: losses of the first 15 steps of Adam, and
gradients of the first, in float64. Weights and data are sines of whole numbers, so that nobody has to store them.
"""

import json
import sys
import time

import numpy
import torch
from torch import nn

torch.set_num_threads(1)

HIDDEN = (64, 32, 16, 8, 16, 32, 64)
RATE = 1e-3
SAMPLED = 12


def network(columns, hidden=HIDDEN):
    sizes = [columns, *hidden, columns]
    layers = []
    for width, out in zip(sizes, sizes[1:]):
        layers += [nn.Linear(width, out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def linear_layers(net):
    return [layer for layer in net if isinstance(layer, nn.Linear)]


def rounded(values):
    """float64 numbers that float32 holds exactly: what is compared is the arithmetic, not the rounding of the input"""
    return torch.from_numpy(values.astype(numpy.float32).astype(numpy.float64))


def reference(columns, hidden, batch):
    """One case: every gradient of a small network, some of each block of a large one."""
    net = network(columns, hidden).double()
    with torch.no_grad():
        for number, layer in enumerate(linear_layers(net)):
            out, width = layer.weight.shape
            count = numpy.arange(out * width, dtype=numpy.float64)
            layer.weight.copy_(rounded(1.5 * numpy.sin(count * count * 0.71 + count + number) / numpy.sqrt(width)).reshape(out, width))
            layer.bias.copy_(rounded(0.1 * numpy.cos(numpy.arange(out, dtype=numpy.float64) + number)))
    rows = numpy.arange(batch * columns, dtype=numpy.float64)
    x = rounded(numpy.sin(rows * rows * 0.37 + rows)).reshape(batch, columns)
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    losses, blocks = [], []
    for step in range(15):
        optimiser.zero_grad()
        loss = ((net(x) - x) ** 2).mean()
        loss.backward()
        if step == 0:
            for layer in linear_layers(net):
                for part in (layer.weight, layer.bias):
                    gradient = part.grad.numpy().ravel()
                    every = 1 if len(gradient) <= 4 * SAMPLED else len(gradient) // SAMPLED
                    blocks.append(
                        {"largest": float(abs(gradient).max()), "every": every, "values": gradient[::every].tolist()}
                    )
        losses.append(loss.item())
        optimiser.step()
    return {"sizes": [columns, *hidden, columns], "batch": batch, "losses": losses, "gradients": blocks}


def references():
    cases = [reference(5, (7, 3, 6), batch) for batch in (1, 9)]
    cases += [reference(19, HIDDEN, batch) for batch in (32, 37, 3)]
    return {"learningRate": RATE, "cases": cases}


def cpu_ms(work):
    start = time.process_time()
    result = work()
    return 1000 * (time.process_time() - start), result


def serve():
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        rows = torch.from_numpy(numpy.fromfile(job["rows"], dtype=numpy.float32).reshape(-1, job["columns"]))
        torch.manual_seed(job["seed"])
        net = network(job["columns"])
        optimiser = torch.optim.Adam(net.parameters(), lr=RATE)

        def epoch():
            for picked in torch.randperm(len(rows)).split(job["batch"]):
                optimiser.zero_grad(set_to_none=True)
                batch = rows[picked]
                loss = ((net(batch) - batch) ** 2).mean()
                loss.backward()
                optimiser.step()

        def score(some):
            with torch.no_grad():
                return ((net(some) - some) ** 2).mean(1)

        epochs = [cpu_ms(epoch)[0] for _ in range(job["epochs"])]
        score(rows[:256])
        many, errors = cpu_ms(lambda: score(rows))
        one, _ = cpu_ms(lambda: [score(rows[i : i + 1]) for i in range(200)])
        loss = errors.mean().item()
        print(json.dumps({"epoch": float(numpy.median(epochs)), "score": many, "one": one / 200, "loss": loss}), flush=True)


if "--references" in sys.argv:
    print(json.dumps(references()))
else:
    serve()
