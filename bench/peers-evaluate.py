"""Scores of scikit-learn's and PyTorch's detectors for evaluate.ts: peers-evaluate.py FOLDER

FOLDER holds tasks.json and, for each task, <name>.train.f64 and <name>.test.f64 (rows x columns, float64). Every detector is fitted on the train rows, standardised by
themselves, and its scores of the test rows (higher = more anomalous) go to <name>.<detector>.<seed>.f64. Without PyTorch the autoencoders are left out.
"""
import json
import os
import sys
import time

try:
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import LocalOutlierFactor
    from sklearn.svm import OneClassSVM
except ImportError as error:
    sys.exit(f'the peers need numpy and scikit-learn: {error} (Debian: apt install python3-sklearn python3-torch)')
try:
    import torch
    torch.set_num_threads(1)
except ImportError as error:
    torch = None
    print(f'without PyTorch the autoencoders are left out: {error} (Debian: apt install python3-torch)', file=sys.stderr)

LAYERS = (64, 32, 16, 8, 16, 32, 64)
WINDOW, HIDDEN, DROPOUT, WINDOWS, EPOCHS, PATIENCE = 30, 128, .3, 8000, 15, 3


def isolation_forest(train, test, seed):
    return -IsolationForest(n_estimators=100, random_state=seed).fit(train).score_samples(test)


def one_class_svm(train, test, seed):
    rows = np.random.default_rng(seed).permutation(len(train))[:2000]
    return -OneClassSVM(kernel='rbf', nu=.1).fit(train[rows]).decision_function(test)


def local_outlier_factor(train, test, seed):
    rows = np.random.default_rng(seed).permutation(len(train))[:4000]
    return -LocalOutlierFactor(n_neighbors=20, novelty=True).fit(train[rows]).score_samples(test)


def pca(train, test, seed):
    model = PCA(n_components=.9, svd_solver='full').fit(train)
    return ((test - model.inverse_transform(model.transform(test))) ** 2).mean(1)


def autoencoder(train, test, seed):
    torch.manual_seed(seed)
    widths = (train.shape[1], *LAYERS)
    layers = [layer for a, b in zip(widths, widths[1:]) for layer in (torch.nn.Linear(a, b), torch.nn.ReLU())]
    net = torch.nn.Sequential(*layers, torch.nn.Linear(LAYERS[-1], train.shape[1]))
    rows = torch.tensor(train, dtype=torch.float32)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(30):
        for batch in torch.randperm(len(rows)).split(32):
            adam.zero_grad(set_to_none=True)
            ((net(rows[batch]) - rows[batch]) ** 2).mean().backward()
            adam.step()
    with torch.no_grad():
        rows = torch.tensor(test, dtype=torch.float32)
        return ((net(rows) - rows) ** 2).mean(1).double().numpy()


def sequence_net(columns):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = torch.nn.LSTM(columns, HIDDEN, batch_first=True)
            self.decoder = torch.nn.LSTMCell(columns, HIDDEN)
            self.dropout = torch.nn.Dropout(DROPOUT)
            self.linear = torch.nn.Linear(HIDDEN, columns)

        def forward(self, windows):
            _, (h, c) = self.encoder(windows)
            h, c = h[0], c[0]
            value = torch.zeros(len(windows), columns)
            values = []
            for _ in range(windows.shape[1]):
                h, c = self.decoder(value, (h, c))
                value = self.linear(self.dropout(h))
                values.append(value)
            return torch.stack(values, 1)
    return Net()


def windows_ending(rows, ends):
    return torch.tensor(np.stack([rows[end - WINDOW + 1:end + 1] for end in ends]), dtype=torch.float32)


def lstm_autoencoder(train, test, seed):
    """Mean error of the window that ends in a row; the first windows of the test rows reach back into the train rows."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    ends = np.arange(WINDOW - 1, len(train))
    cut = int(.9 * len(ends))
    fitted = windows_ending(train, np.sort(random.choice(ends[:cut], min(WINDOWS, cut), replace=False)))
    unseen = windows_ending(train, np.sort(random.choice(ends[cut:], min(600, len(ends) - cut), replace=False)))
    net = sequence_net(train.shape[1])
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    best, kept, worse = np.inf, None, 0
    for _ in range(EPOCHS):
        net.train()
        for batch in torch.randperm(len(fitted)).split(64):
            adam.zero_grad(set_to_none=True)
            ((net(fitted[batch]) - fitted[batch]) ** 2).mean().backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.)
            adam.step()
        net.eval()
        with torch.no_grad():
            loss = float(((net(unseen) - unseen) ** 2).mean())
        if loss < best - 1e-4:
            best, worse, kept = loss, 0, {name: value.clone() for name, value in net.state_dict().items()}
        else:
            worse += 1
            if worse >= PATIENCE:
                break
    net.load_state_dict(kept)
    net.eval()
    rows = np.vstack([train[-(WINDOW - 1):], test])
    scores = []
    with torch.no_grad():
        for first in range(0, len(test), 1024):
            batch = windows_ending(rows, range(first + WINDOW - 1, min(first + 1024, len(test)) + WINDOW - 1))
            scores.append(((net(batch) - batch) ** 2).mean((1, 2)).double().numpy())
    return np.concatenate(scores)


def detectors(series, quick):
    yield from (('isolation-forest', isolation_forest), ('one-class-svm', one_class_svm),
                ('local-outlier-factor', local_outlier_factor), ('pca', pca))
    if torch is None:
        return
    yield 'autoencoder', autoencoder
    if series and not quick:
        yield 'lstm-autoencoder', lstm_autoencoder


def main(folder):
    with open(os.path.join(folder, 'tasks.json')) as file:
        plan = json.load(file)
    for task in plan['tasks']:
        read = lambda part: np.fromfile(os.path.join(folder, f'{task["name"]}.{part}.f64')).reshape(-1, task['columns'])
        train, test = read('train'), read('test')
        mean, deviation = train.mean(0), train.std(0)
        deviation = np.where(deviation < 1e-12, 1, deviation)
        train, test = (train - mean) / deviation, (test - mean) / deviation
        for seed in plan['seeds']:
            for name, run in detectors(task['series'], plan['quick']):
                begin = time.perf_counter()
                scores = np.ascontiguousarray(run(train, test, seed), dtype=np.float64)
                scores.tofile(os.path.join(folder, f'{task["name"]}.{name}.{seed}.f64'))
                print(f'peer {name} on {task["name"]}, seed {seed}: {time.perf_counter() - begin:.1f} s', file=sys.stderr, flush=True)


if __name__ == '__main__':
    main(sys.argv[1])
