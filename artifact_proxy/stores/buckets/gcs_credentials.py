"""Who this server is to Google Cloud: tokens from google-auth, fetched in a thread and kept while they last."""

import asyncio
from typing import Any, Final

from artifact_proxy.stores.blob_store import StoreUnavailable

SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_write"


class GcsCredentials:
    """Application default credentials: a key file, a workload's identity, or a developer's login."""

    def __init__(self) -> None:
        self._credentials: Any = None
        self._refreshing = asyncio.Lock()

    async def headers(self) -> dict[str, str]:
        """What a request must carry. Raises StoreUnavailable where no credentials are to be had."""
        async with self._refreshing:
            if self._credentials is None or not self._credentials.valid:
                self._credentials = await asyncio.to_thread(refreshed, self._credentials)
            return {"Authorization": f"Bearer {self._credentials.token}"}


def refreshed(credentials: Any) -> Any:
    """Valid credentials; None finds them first."""
    import google.auth
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request

    try:
        if credentials is None:
            credentials, _project = google.auth.default(scopes=[SCOPE])
        credentials.refresh(Request())
    except GoogleAuthError as error:
        raise StoreUnavailable(f"Google Cloud gives no credentials ({type(error).__name__}).") from error
    return credentials
