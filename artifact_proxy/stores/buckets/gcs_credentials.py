"""The credentials of this server at Google Cloud: tokens from google-auth, fetched in a thread and kept while valid."""

import asyncio
from typing import Any, Final

from artifact_proxy.stores.blob_store import StoreUnavailable
from artifact_proxy.stores.library_errors import Meaning, mapped

SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_write"


NO_CREDENTIALS: Final = Meaning(StoreUnavailable, "Google Cloud gives no credentials ({}).")


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

    with mapped({GoogleAuthError: NO_CREDENTIALS}):
        if credentials is None:
            credentials, _project = google.auth.default(scopes=[SCOPE])
        credentials.refresh(Request())
    return credentials
