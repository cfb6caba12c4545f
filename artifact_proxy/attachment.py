"""The headers under which an artifact leaves: always a download, never a page of this server.

An artifact may be HTML or SVG with a script in it. Sent as an attachment, with its type pinned and a sandbox around it,
it never runs with the rights of this server's address. The page fetches the bytes and shows them itself.
"""

import mimetypes
from typing import Final
from urllib.parse import quote

from aiohttp import hdrs

from artifact_proxy.stores.blob_store import BlobInfo

TEXT_EXTENSIONS: Final = frozenset(
    {
        *("cf", "cfg", "cnf", "conf", "csv", "err", "hocon", "ini", "ipynb", "js", "json", "log", "md", "mlmodel"),
        *("mlproject", "prop", "properties", "py", "py3", "rst", "toml", "tsv", "txt", "xml", "yaml", "yml"),
    }
)
"""Extensions of files that are text; of `MLmodel` and `MLproject` the whole name. Source: MLflow's list."""

PLAIN_TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"

SANDBOX: Final = "default-src 'none'; sandbox"

ATTR_CHARS: Final = "!#$&+-.^_`|~"
"""What RFC 5987 lets stand as it is, beside letters and digits."""

# A table of this process's own: the machine's tables would make answers differ between machines.
_TYPES: Final = mimetypes.MimeTypes()


def attachment_headers(name: str, info: BlobInfo) -> dict[str, str]:
    """The headers of a blob that is downloaded under `name`, except for those of its length."""
    return {
        hdrs.CONTENT_TYPE: content_type_of(name),
        hdrs.CONTENT_DISPOSITION: disposition_of(name),
        hdrs.CONTENT_SECURITY_POLICY: SANDBOX,
        hdrs.X_CONTENT_TYPE_OPTIONS: "nosniff",
        # An artifact may be logged again: caches must revalidate their copy.
        hdrs.CACHE_CONTROL: "no-cache",
        hdrs.ACCEPT_RANGES: "bytes",
        **validators_of(info),
    }


def validators_of(info: BlobInfo) -> dict[str, str]:
    """The headers by which caches and clients recognize a version of a blob."""
    return {
        hdrs.ETAG: f'"{info.etag}"',
        hdrs.LAST_MODIFIED: info.modified.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }


def content_type_of(name: str) -> str:
    """The type of a file by its name; what the uploader declared is not used."""
    extension = name.rpartition(".")[2].lower()
    if extension in TEXT_EXTENSIONS:
        return PLAIN_TEXT
    guessed, _ = _TYPES.guess_type(name)
    return guessed or BYTES


def disposition_of(name: str) -> str:
    """The Content-Disposition of a download called `name`.

    Source: RFC 6266; a name that is not plain is given again in the encoding of RFC 5987.
    """
    plain = "".join(letter if letter.isascii() and letter not in '"%' else "_" for letter in name)
    header = f'attachment; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe=ATTR_CHARS)}"
