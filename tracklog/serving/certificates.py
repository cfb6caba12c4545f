"""The certificate that a process shows, read again when its files change."""

import asyncio
import logging
import os
import ssl
from contextlib import AbstractAsyncContextManager
from typing import Final

from tracklog.background import in_background
from tracklog.settings.store_uris import SettingRefused
from tracklog.settings.tls import TlsSettings

logger = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""How often the files are looked at."""

Signature = tuple[tuple[int, int, int] | None, ...]


class Certificates:
    """`context` is what new connections are accepted with. Those that are open keep theirs."""

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._loaded = self._refused = self._signature()
        self.context: ssl.SSLContext = settings.context()

    def look(self) -> None:
        """Read the files if they changed. Files that cannot be used change nothing: the old ones stay in use."""
        now = self._signature()
        if now in (self._loaded, self._refused):
            return
        try:
            self.context = self._settings.context()
        except SettingRefused as refused:
            # Often half of a change: the key comes a moment after the certificate.
            self._refused = now
            logger.warning("the certificate was not read again: %s", refused)
        else:
            self._loaded = self._refused = now
            logger.info("the certificate was read again: its files changed")

    def looking(self) -> AbstractAsyncContextManager[None]:
        """Look at the files as long as the context lasts."""
        return in_background(self._look_regularly())

    async def _look_regularly(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def _signature(self) -> Signature:
        """What changes with the files, links followed."""
        return tuple(_signature_of(str(file)) for file in self._settings.files)


def _signature_of(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
