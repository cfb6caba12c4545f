"""Getting the files of the stock MLflow page from the wheel its authors publish."""

import calendar
import gzip
import hashlib
import importlib.metadata
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PAGE_VERSION = "3.17.2"
# The page belongs to one MLflow release: a newer bundle may ask for routes that do not exist here.

WHEEL_SHA256 = "4e44c03791beb518d8b0a40b0982d958c2634d902f46d67d7907c82107f21fac"
# Of mlflow-3.17.2-py3-none-any.whl as the Python Package Index publishes it; pip refuses any other file.

PAGE_SHA256 = "2a60768f2041b01af10ddb3ff26eaaec2792fab62585754d4b085eefb7cff690"
# Of the page's files whatever way they came, so that an installed copy somebody edited is refused (`tree_digest`).

BUILD_FOLDER = PurePosixPath("mlflow/server/js/build")
LICENSE_FILE = PurePosixPath(f"mlflow-{PAGE_VERSION}.dist-info/licenses/LICENSE.txt")

ORIGIN_FILE = "ORIGIN.txt"
# Written last into a complete folder: says where the files come from, and marks the folder as ours to replace.

PAGE_LICENSE_FILE = "LICENSE.mlflow.txt"

COMPRESSED_SUFFIXES = frozenset({".css", ".html", ".js", ".json", ".mjs", ".svg"})
# Text; fonts and PNG images are compressed already.

FILE_TIME_S = calendar.timegm((2026, 10, 21, 2, 4, 0))
# When that release was built. Every file carries this time, so that an ETag, made of time and size, is the same on
# every host of one version, and differs between versions.


class PageFetchError(Exception):
    """The page's files could not be had, or are not what they claim to be; the message says why."""


def default_page_folder() -> Path:
    """Where the page's files of this installation lie, inside its own environment."""
    return Path(sys.prefix) / "share" / "tracklog" / f"page-{PAGE_VERSION}"


def is_complete(folder: Path) -> bool:
    """Whether `folder` holds the page's files of this version; a folder is filled as a whole or not at all."""
    origin = folder / ORIGIN_FILE
    return origin.is_file() and origin.read_text() == origin_text()


def fetch_page(destination: Path) -> None:
    """Put the page's files into `destination`, replacing an older version, or leave it as it was.

    Downloads the published wheel by pip, so pip's own configuration (index, mirror, proxy, cache) applies. Without
    a network, the files of an installed mlflow of the same version serve. A complete folder is left alone.

    Raises PageFetchError when neither source gives the pinned files, and FileExistsError when `destination` holds
    something that is not a page fetched earlier.
    """
    if is_complete(destination):
        return
    refuse_foreign_folder(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=f".{destination.name}-") as workplace:
        built = Path(workplace) / "page"
        built.mkdir()  # not the temporary folder itself, whose mode shuts out every other user
        try:
            unpack_page(download_wheel(Path(workplace)), built)
        except PageFetchError as failure:
            copy_installed_page(built, failure)
        verify(built)
        compress(built)
        (built / ORIGIN_FILE).write_text(origin_text())
        give_fixed_times(built)
        move_into_place(built, destination, Path(workplace) / "older")


def origin_text() -> str:
    """The text of the file that marks a complete folder."""
    return (
        f"The web page of MLflow {PAGE_VERSION}, unchanged, from the wheel mlflow {PAGE_VERSION} of the Python Package "
        f"Index\n(sha256 {WHEEL_SHA256}).\nApache License 2.0: see {PAGE_LICENSE_FILE}; notices of bundled "
        f"libraries lie beside the scripts.\nFiles ending in .gz are compressed copies.\n"
    )


def refuse_foreign_folder(destination: Path) -> None:
    """Raise FileExistsError unless `destination` is absent, empty or a page fetched earlier."""
    if not destination.exists():
        return
    if not destination.is_dir():
        raise FileExistsError(f"{destination} is not a folder")
    if any(destination.iterdir()) and not (destination / ORIGIN_FILE).is_file():
        raise FileExistsError(f"{destination} holds files that were not fetched as a page: it is left untouched")


def download_wheel(folder: Path) -> Path:
    """Have pip put the pinned wheel into `folder`, and return its path."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"mlflow=={PAGE_VERSION} --hash=sha256:{WHEEL_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--require-hashes", "-r", str(requirements), "-d", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PageFetchError(f"pip could not download mlflow {PAGE_VERSION}: {done.stderr.strip()[-2000:]}")
    wheel = folder / f"mlflow-{PAGE_VERSION}-py3-none-any.whl"
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise PageFetchError(f"{wheel.name} has sha256 {found}, expected {WHEEL_SHA256}")
    return wheel


def unpack_page(wheel: Path, built: Path) -> None:
    """Unpack the page and its licence, and nothing else, from `wheel` into the empty folder `built`."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            place = place_of(entry.filename)
            if place is None or entry.is_dir():
                continue
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise PageFetchError(f"{wheel.name} holds a symbolic link: {entry.filename}")
            target = built / place
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("xb") as sink:
                shutil.copyfileobj(source, sink)


def copy_installed_page(built: Path, failure: PageFetchError) -> None:
    """Copy the page's files of an installed mlflow, found without importing it; without one, raise `failure`."""
    try:
        distribution = importlib.metadata.distribution("mlflow")
    except importlib.metadata.PackageNotFoundError:
        raise failure from None
    if distribution.version != PAGE_VERSION:
        raise PageFetchError(f"{failure}; the installed mlflow is {distribution.version}") from failure
    shutil.rmtree(built)
    built.mkdir()
    for file in distribution.files or ():
        place = place_of(file.as_posix())
        if place is not None:
            target = built / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), target)


def place_of(name: str) -> PurePosixPath | None:
    """Where a file of the wheel belongs below the page's folder; None for what is no part of the page.

    Raises PageFetchError for a name that would lead out of the folder.
    """
    path = PurePosixPath(name)
    if path == LICENSE_FILE:
        return PurePosixPath(PAGE_LICENSE_FILE)
    if not path.is_relative_to(BUILD_FOLDER):
        return None
    if ".." in path.parts or "\\" in name or "\0" in name:
        raise PageFetchError(f"a file name leads out of the page's folder: {name!r}")
    return path.relative_to(BUILD_FOLDER)


def files_below(folder: Path) -> Iterator[Path]:
    """Every regular file below `folder`, in a fixed order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def tree_digest(folder: Path) -> str:
    """One sha256 over the names and contents of all files below `folder`."""
    digest = hashlib.sha256()
    for path in files_below(folder):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{content}  {path.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


def verify(built: Path) -> None:
    """Raise PageFetchError unless the unpacked files are the pinned ones."""
    found = tree_digest(built)
    if found != PAGE_SHA256:
        raise PageFetchError(f"the files of the MLflow {PAGE_VERSION} page have sha256 {found}, expected {PAGE_SHA256}")


def compress(built: Path) -> None:
    """Put a gzip copy beside every text file that gets smaller by it: a cold page load shrinks to a third."""
    for path in list(files_below(built)):
        if path.suffix in COMPRESSED_SUFFIXES:
            content = path.read_bytes()
            packed = gzip.compress(content, mtime=0)
            if len(packed) < len(content):
                path.with_name(path.name + ".gz").write_bytes(packed)


def give_fixed_times(built: Path) -> None:
    """Give every file the same modification time."""
    for path in files_below(built):
        os.utime(path, (FILE_TIME_S, FILE_TIME_S))


def move_into_place(built: Path, destination: Path, older: Path) -> None:
    """Rename `built` to `destination`; a folder that is there steps aside to `older`, which the caller removes."""
    if is_complete(destination):
        return  # another fetch was faster, with the same files
    if destination.exists():
        destination.rename(older)
    built.rename(destination)
