"""Writes exporter/test/fixtures/engine/lstm.json: what PyTorch's float64 autograd computes for the LSTM autoencoder.

    OPENBLAS_NUM_THREADS=1 /usr/bin/python3 bench/lstm-fixture.py

Weights, windows and dropout masks come from `numbers`, a linear congruential generator that the tests have too, so that the file holds results only.
Encoder and decoder are PyTorch's own LSTM and LSTMCell with their second bias at zero. Of each gradient the file has the largest absolute value, a sum
with alternating weights over all numbers, and one number in `every`.
"""
import json
import pathlib

import numpy as np
import torch
from torch import nn

FEATURES, HIDDEN, STEPS = 6, 128, 30
PICKED = 61


def numbers(count, seed):
    """uniform in [-1, 1), the same doubles as `numbers` of lstm.test.ts"""
    state, out = seed, np.empty(count)
    for i in range(count):
        state = (1664525 * state + 1013904223) % 2 ** 32
        out[i] = state / 2 ** 31 - 1
    return out


def float32(array):
    return array.astype(np.float32).astype(np.float64)


# name, shape and PyTorch's parameter of each array, in the order of lstm-weights.ts
def arrays(net):
    gates = 4 * HIDDEN
    return {
        'encoderKernel': ((FEATURES, gates), net.encoder.weight_ih_l0),
        'encoderRecurrent': ((HIDDEN, gates), net.encoder.weight_hh_l0),
        'encoderBias': ((gates,), net.encoder.bias_ih_l0),
        'decoderKernel': ((FEATURES, gates), net.decoder.weight_ih),
        'decoderRecurrent': ((HIDDEN, gates), net.decoder.weight_hh),
        'decoderBias': ((gates,), net.decoder.bias_ih),
        'outputKernel': ((HIDDEN, FEATURES), net.output.weight),
        'outputBias': ((FEATURES,), net.output.bias),
    }


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.LSTM(FEATURES, HIDDEN, batch_first=True)
        self.decoder = nn.LSTMCell(FEATURES, HIDDEN)
        self.output = nn.Linear(HIDDEN, FEATURES)
        self.double()
        with torch.no_grad():
            for bias in (self.encoder.bias_hh_l0, self.decoder.bias_hh):
                bias.zero_()
                bias.requires_grad_(False)
            for i, (shape, parameter) in enumerate(arrays(self).values()):
                values = float32(numbers(int(np.prod(shape)), 11 + i) / np.sqrt(HIDDEN))
                parameter.copy_(torch.tensor(values.reshape(shape).T.copy()))

    def forward(self, x, masks=None):
        _, (h, c) = self.encoder(x)
        h, c = h[0], c[0]
        y, ys = torch.zeros(len(x), FEATURES, dtype=torch.float64), []
        for t in range(STEPS):
            h, c = self.decoder(y, (h, c))
            y = self.output(h if masks is None else h * masks[:, t])
            ys.append(y)
        return torch.stack(ys, 1)


def windows(count, seed):
    """random walks that return to 0: x[t] = .75 x[t - 1] + noise"""
    noise = numbers(count * STEPS * FEATURES, seed).reshape(count, STEPS, FEATURES)
    x = np.zeros_like(noise)
    for t in range(STEPS):
        x[:, t] = noise[:, t] + (.75 * x[:, t - 1] if t else 0)
    return torch.tensor(float32(x))


def dropout_masks(count, seed):
    kept = numbers(count * STEPS * HIDDEN, seed).reshape(count, STEPS, HIDDEN) >= -.4
    return torch.tensor(float32(np.where(kept, 1 / .7, 0)))


def gradients(batch, dropout):
    net = Autoencoder()
    x = windows(batch, 100 + batch)
    loss = ((net(x, dropout_masks(batch, 200 + batch) if dropout else None) - x) ** 2).mean()
    loss.backward()
    result = {}
    for name, (_, parameter) in arrays(net).items():
        flat = parameter.grad.numpy().T.ravel()
        signs = np.where(np.arange(len(flat)) % 2, -1, 1)
        result[name] = {
            'largest': float(np.abs(flat).max()),
            'alternating': float((flat * signs).sum()),
            'every': flat[::PICKED].tolist(),
        }
    return {'batch': batch, 'dropout': dropout, 'loss': float(loss.detach()), 'every': PICKED, 'gradients': result}


def trajectory(batch, clip):
    """losses of 15 steps of Adam, each on windows of its own"""
    net = Autoencoder()
    adam = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for step in range(15):
        x = windows(batch, 300 + batch + step)
        adam.zero_grad()
        loss = ((net(x) - x) ** 2).mean()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        adam.step()
        losses.append(float(loss.detach()))
    return {'batch': batch, 'clip': clip, 'losses': losses}


def scores(count):
    net = Autoencoder()
    x = windows(count, 400)
    with torch.no_grad():
        y = net(x)
        error = (y - x) ** 2
    return {'windows': count, 'reconstructions': y.numpy().ravel().tolist(), 'errors': error.mean((1, 2)).tolist()}


torch.set_num_threads(1)
fixture = {
    'gradients': [gradients(64, False), gradients(37, True), gradients(3, False)],
    'trajectories': [trajectory(64, 0), trajectory(37, .05), trajectory(3, 0)],
    'scores': scores(11),
}
path = pathlib.Path(__file__).parent / '../exporter/test/fixtures/engine/lstm.json'
path.write_text(json.dumps(fixture) + '\n')
print(f'{path.resolve()}: {path.stat().st_size} bytes')
