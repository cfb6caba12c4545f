"""What the operating system's errors mean to the blob store."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from artifact_proxy.stores.blob_store import StoreFull, StoreRefused, StoreUnavailable
from schemas.errors import InvalidParameterValue, TracklogError

NO_SUCH_FOLDER: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
NO_SUCH_FILE: Final = (*NO_SUCH_FOLDER, errno.ENXIO)

STORE_ERRORS: Final[dict[int, type[TracklogError]]] = {
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
    errno.ENOENT: StoreUnavailable,
    errno.ENOTDIR: StoreUnavailable,
    errno.ELOOP: StoreUnavailable,
    errno.EACCES: StoreRefused,
    errno.EPERM: StoreRefused,
    errno.EROFS: StoreRefused,
    errno.EIO: StoreUnavailable,
    errno.ESTALE: StoreUnavailable,
    errno.ETIMEDOUT: StoreUnavailable,
    errno.EMFILE: StoreUnavailable,
    errno.ENFILE: StoreUnavailable,
    errno.ENOTEMPTY: StoreUnavailable,
    errno.EXDEV: StoreUnavailable,
    errno.ENAMETOOLONG: InvalidParameterValue,
    errno.EFBIG: InvalidParameterValue,
}
"""By the error's number; any other is a fault of this program, and is raised as it is."""


@contextmanager
def store_errors() -> Iterator[None]:
    """Raise the port's errors for those of the operating system, as STORE_ERRORS says."""
    try:
        yield
    except OSError as error:
        meant = STORE_ERRORS.get(error.errno or 0)
        if isinstance(error, TimeoutError):
            raise StoreUnavailable("The folder of the artifacts does not answer.") from error
        if meant is None:
            raise
        raise meant(f"The artifact store cannot do this: {error.strerror}.") from error
