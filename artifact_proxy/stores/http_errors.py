"""What can go wrong on the way to a store that is reached by HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import orjson

from artifact_proxy.stores.blob_store import StoreUnavailable


@contextmanager
def http_errors() -> Iterator[None]:
    """Raise the port's errors for those of the way to the store, cause kept, its address not shown."""
    try:
        yield
    except (aiohttp.ClientError, OSError, orjson.JSONDecodeError) as error:
        raise StoreUnavailable(
            f"The artifact store cannot be reached, or did not answer in time ({type(error).__name__})."
        ) from error
