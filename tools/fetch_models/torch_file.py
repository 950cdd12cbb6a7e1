"""Weights of a PyTorch file (`state_dict`), without PyTorch: both of its formats, float32 and contiguous storages only."""

import io
import pickle
import struct
import zipfile
from array import array
from collections import OrderedDict
from dataclasses import dataclass

from packages import FetchError

# Format of the elements of each storage we read, as `array` and `struct` name it.
STORAGES = {"FloatStorage": "f", "LongStorage": "q"}


@dataclass(frozen=True)
class Tensor:
    """Numbers in row-major order, with their shape."""

    shape: tuple[int, ...]
    values: array


@dataclass(frozen=True)
class View:
    """A tensor before its storage is read."""

    storage: tuple
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, storages: dict[str, array]) -> Tensor:
        """The tensor's numbers, gathered in row-major order."""
        indices = [self.offset]
        for size, stride in zip(self.shape, self.strides):
            indices = [index + i * stride for index in indices for i in range(size)]
        storage = storages[self.storage[2]]
        return Tensor(self.shape, array(storage.typecode, map(storage.__getitem__, indices)))


class Unpickler(pickle.Unpickler):
    """Makes tensors' views and dictionaries, and refuses everything else: a pickle could run any code."""

    def find_class(self, module: str, name: str):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: View(storage, offset, tuple(shape), tuple(strides))
        if module == "torch" and name in STORAGES:
            return name
        raise FetchError(f"the weights' file asks for {module}.{name}, which weights have no use for")

    def persistent_load(self, key):
        return key


def numbers(storage: tuple, data: bytes) -> array:
    """A storage's numbers, little-endian in every file."""
    code = STORAGES[storage[1]]
    size = struct.calcsize(f"<{code}")
    return array(code, struct.unpack(f"<{len(data) // size}{code}", data))


def load(data: bytes) -> dict[str, Tensor]:
    """The named tensors of a file."""
    try:
        views, storages = zipped(data) if data.startswith(b"PK") else legacy(data)
        return {name: view.read(storages) for name, view in views.items()}
    except (pickle.UnpicklingError, struct.error, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise FetchError(f"the weights' file is not as PyTorch writes it: {error!r}") from error


def zipped(data: bytes):
    """The format since PyTorch 1.6: a zip archive with a pickle and a file a storage."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        root = next(name for name in archive.namelist() if name.endswith("/data.pkl")).removesuffix("data.pkl")
        views = Unpickler(io.BytesIO(archive.read(f"{root}data.pkl"))).load()
        used = {view.storage[2]: view.storage for view in views.values()}
        return views, {key: numbers(storage, archive.read(f"{root}data/{key}")) for key, storage in used.items()}


def legacy(data: bytes):
    """The format before: pickles of a magic number, a version, the system and the dictionary, then the storages in a row."""
    file = io.BytesIO(data)
    for _ in range(3):
        Unpickler(file).load()
    views = Unpickler(file).load()
    used = {view.storage[2]: view.storage for view in views.values()}
    storages = {}
    for key in Unpickler(file).load():
        (count,) = struct.unpack("<q", file.read(8))
        storages[key] = numbers(used[key], file.read(count * struct.calcsize(f"<{STORAGES[used[key][1]]}")))
    return views, storages
