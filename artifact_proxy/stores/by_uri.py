"""From the URI of a store to the adapter that reaches it.

An adapter and its library are imported when its store is made. Checking a URI imports no library: the settings of a
process may name a store that it never uses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from artifact_proxy.stores.blob_store import BlobStore
from artifact_proxy.stores.uri import Environ, UnusableStore, server_uri, without_password


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """How a store is made: `settings` of its URI and the environment, and `store` of those.

    `library` is what it needs beside Tracklog's own dependencies, and `extra` what brings that.
    """

    settings: Callable[[str, Environ], Any]
    store: Callable[[Any], BlobStore]
    library: str = ""
    extra: str = ""


def store_at(uri: str, environ: Environ) -> BlobStore:
    """The store that `uri` names, by the schemes of ADAPTERS; nothing is reached yet.

    `environ` are the environment variables, which hold credentials and addresses.
    Raises UnusableStore for a scheme that no adapter has, an extra that is not installed, and a URI of another form.
    """
    adapter = _adapter_of(uri)
    return adapter.store(_settings_of(adapter, uri, environ))


def check_store(uri: str, environ: Environ) -> None:
    """Raises UnusableStore as `store_at` does."""
    _settings_of(_adapter_of(uri), uri, environ)


def _adapter_of(uri: str) -> Adapter:
    if not uri.isprintable():
        # Python's own reader of URIs leaves line feeds out, and what is used would not be what was named.
        raise UnusableStore(f"{without_password(uri)!r} holds a character that cannot be printed.")
    scheme = urlsplit(uri).scheme
    adapter = ADAPTERS.get(scheme)
    if adapter is None:
        others = ", ".join(f"{each}://" for each in ADAPTERS if each != "file")
        raise UnusableStore(
            f"{without_password(uri)!r} names a store of artifacts that this server cannot use; use a folder, {others}."
        )
    if adapter.library and not is_installed(adapter.library):
        raise UnusableStore(
            f"{without_password(uri)!r} needs a library that is not installed: pip install 'tracklog[{adapter.extra}]'."
        )
    return adapter


def is_installed(library: str) -> bool:
    """Whether a module, `package` or `package.module`, can be imported."""
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:
        return False


def _settings_of(adapter: Adapter, uri: str, environ: Environ) -> Any:
    try:
        return adapter.settings(uri, environ)
    except UnusableStore:
        raise
    except ValueError as error:
        raise UnusableStore(str(error)) from error


def _folder(uri: str, _environ: Environ) -> Path:
    return Path(unquote(urlsplit(uri).path))


def _local_store(folder: Path) -> BlobStore:
    from artifact_proxy.stores.local.blob_store import LocalBlobStore

    return LocalBlobStore(folder)


def _s3_settings(uri: str, environ: Environ) -> Any:
    from artifact_proxy.stores.s3.settings import S3Settings

    if "@" in urlsplit(uri).netloc:
        raise UnusableStore(f"{without_password(uri)!r} must be s3://bucket/prefix; credentials have their own places.")
    return S3Settings.from_uri(uri, environ)


def _s3_store(settings: Any) -> BlobStore:
    from artifact_proxy.stores.buckets.object_blob_store import ObjectBlobStore
    from artifact_proxy.stores.s3.bucket import S3Bucket

    return ObjectBlobStore(S3Bucket(settings), settings.prefix)


def _gcs_settings(uri: str, environ: Environ) -> Any:
    from artifact_proxy.stores.buckets.gcs_settings import GcsSettings

    return GcsSettings.from_uri(uri, environ)


def _azure_settings(uri: str, environ: Environ) -> Any:
    from artifact_proxy.stores.buckets.azure_settings import AzureSettings

    return AzureSettings.from_uri(uri, environ)


def _gcs_store(settings: Any) -> BlobStore:
    from artifact_proxy.stores.buckets.gcs_bucket import GcsBucket
    from artifact_proxy.stores.buckets.object_blob_store import ObjectBlobStore

    return ObjectBlobStore(GcsBucket(settings), settings.prefix)


def _azure_store(settings: Any) -> BlobStore:
    from artifact_proxy.stores.buckets.azure_bucket import AzureBucket
    from artifact_proxy.stores.buckets.object_blob_store import ObjectBlobStore

    return ObjectBlobStore(AzureBucket(settings), settings.prefix)


def _sftp_store(uri: Any) -> BlobStore:
    from artifact_proxy.stores.servers.blob_store import FileTreeBlobStore
    from artifact_proxy.stores.servers.sftp import SftpFileTree

    return FileTreeBlobStore(SftpFileTree(uri))


def _ftp_store(uri: Any) -> BlobStore:
    from artifact_proxy.stores.servers.blob_store import FileTreeBlobStore
    from artifact_proxy.stores.servers.ftp import FtpFileTree

    return FileTreeBlobStore(FtpFileTree(uri))


def _webhdfs_settings(uri: str, environ: Environ) -> Any:
    from artifact_proxy.stores.servers.webhdfs_settings import WebhdfsSettings

    return WebhdfsSettings.from_uri(uri, environ)


def _hdfs_store(settings: Any) -> BlobStore:
    from artifact_proxy.stores.servers.blob_store import FileTreeBlobStore
    from artifact_proxy.stores.servers.webhdfs import WebhdfsFileTree

    return FileTreeBlobStore(WebhdfsFileTree(settings))


_AZURE: Final = Adapter(settings=_azure_settings, store=_azure_store, library="obstore", extra="azure")
_FTP: Final = Adapter(settings=server_uri, store=_ftp_store, library="aioftp", extra="ftp")
_HDFS: Final = Adapter(settings=_webhdfs_settings, store=_hdfs_store)

ADAPTERS: Final[Mapping[str, Adapter]] = {
    "file": Adapter(settings=_folder, store=_local_store),
    "s3": Adapter(settings=_s3_settings, store=_s3_store),
    "gs": Adapter(settings=_gcs_settings, store=_gcs_store, library="google.auth", extra="gcs"),
    "wasbs": _AZURE,
    "abfss": _AZURE,
    "sftp": Adapter(settings=server_uri, store=_sftp_store, library="asyncssh", extra="sftp"),
    "ftp": _FTP,
    "ftps": _FTP,
    "hdfs": _HDFS,
    "viewfs": _HDFS,
}
