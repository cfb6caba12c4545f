"""What MLflow's clients make of the names of artifacts, and how each of them still leads to its file.

A name at rest means itself: `a%20b` is a name of five letters. But the Python client (2.22 and 3.17 alike)

- sends a path in a URL as it stands when every `%` in it could be an escape, so that the file `lr%20sweep` arrives as
  `lr sweep`; when one could not, it escapes them all, and the path arrives as it is;
- decodes each name in a listing until nothing changes, and asks for the result.

So a file is looked up by its name, then by the name that a client would ask for (`as_asked`). Two folders whose names
differ only by escapes are one to the client, which would never find half of the files: so folders are made with `plain`
names.
Source: both clients, observed.
"""

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final
from urllib.parse import unquote, unquote_to_bytes, urlparse, urlsplit, urlunparse, uses_netloc

from artifact_proxy.artifact_path import ArtifactPath, fault_of

MOST_DECODINGS: Final = 10
"""After this many the client gives up."""

_ODD: Final = re.compile(r"[%:;?#\[]|^ ")
"""A name without one of these is not changed by the client. Every name of a folder is matched with it."""

_CONTROL: Final = re.compile(r"[\x01-\x1f\x7f-\x9f]")
_CLIENTS_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")

_WIDE: Final = {ord(letter): ord(letter) + 0xFEE0 for letter in "%:;?#["} | {ord(" "): 0x3000}
"""The fullwidth forms of what the client reads as part of a URI; it does not interpret these."""


def decoded_once(raw: str) -> str:
    """The path in a URL as text, each escape decoded once, except those that are not text or that no name can hold.

    Bytes that are not UTF-8 stay escapes, because the client sends the name `100%accuracy` as it stands; so do control
    characters, which no name can hold. NUL is decoded, for the path to be refused.
    """
    return _ESCAPES.sub(lambda escapes: _text_of(unquote_to_bytes(escapes[0])), raw)


def _text_of(content: bytes) -> str:
    text = content.decode(errors="surrogateescape")
    return "".join(
        f"%{ord(letter) - 0xDC00:02X}" if "\udc80" <= letter <= "\udcff" else letter
        for letter in _CONTROL.sub(lambda found: "".join(f"%{byte:02x}" for byte in found[0].encode()), text)
    )


def plain(name: str) -> str:
    """The name without escapes, however often they are escaped; where that is no name, `name` as clients send it.

    Clients write escapes in capitals.
    """
    text = name
    for _ in range(MOST_DECODINGS):
        shorter = decoded_once(text)
        if shorter == text and fault_of(text) is None:
            return text
        text = shorter
    return _ESCAPES.sub(lambda escapes: escapes[0].upper(), name)


def stored_path(path: ArtifactPath) -> ArtifactPath:
    """Where a file is put that is sent to `path`: under its name, in folders of plain names.

    Raises InvalidParameterValue when it is too long then.
    """
    if "%" not in str(path):
        return path
    return ArtifactPath((*map(plain, path.segments[:-1]), *path.segments[-1:]))


def is_odd(name: str) -> bool:
    """Whether the client may ask by another name for what a listing calls `name`."""
    return _ODD.search(name) is not None


def as_asked(name: str) -> str | None:
    """The name by which the client asks for what a listing calls `name`; None when it would ask for no name at all."""
    if not is_odd(name):
        return name
    try:
        text = _CLIENTS_CONTROL.sub(lambda found: f"%{ord(found[0]):02x}", _decoded_fully(name))
        scheme = urlsplit(text).scheme
    except ValueError:
        return None
    if scheme and scheme in uses_netloc:
        return None  # a client on Python before 3.12.4 makes `file:///x` of `file:x`, whatever Python runs here
    absolute = PureWindowsPath(text).is_absolute() or PurePosixPath(text).is_absolute()
    is_name = fault_of(text) is None and text.partition("?")[0] not in (".", "..")
    return text if is_name and not absolute else None


def _decoded_fully(name: str) -> str:
    """`name` decoded until nothing changes. Raises ValueError when it is no URI, or escaped too often."""
    for _ in range(MOST_DECODINGS):
        text = urlunparse(urlparse(unquote(name)))
        if text == name:
            return text
        name = text
    raise ValueError


def stand_in(name: str) -> str:
    """A name like `name` that the client does not change."""
    return name.translate(_WIDE)
