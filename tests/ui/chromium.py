"""The browser the tests drive: where it is, and how it starts."""

import os
import re
import shutil
import socket
import threading
from types import TracebackType
from typing import Self

FLAGS = (
    "--no-sandbox",  # which root may not use, and containers cannot
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # The browser's own errands; what is left of them, and of the page's, meets the dead end below.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """The path of an installed Chromium: the environment variable CHROMIUM, or what the PATH holds."""
    named = os.environ.get("CHROMIUM")
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return named or next(filter(None, found), None)


VENDOR_HOST = re.compile(r"[/. ](google\.com|googleapis\.com|gvt1\.com|gstatic\.com)[:/]")
# Whom Chromium asks by itself for updates and sign-in, whatever its flags. The page never does: its own requests are
# also seen in its tab.


class DeadEnd:
    """A proxy for every host but the loopback that notes who was asked for and answers nothing.

    A proxy sees what all parts of the browser ask for, shared workers included, which a tab's own events do not show.
    """

    def __init__(self) -> None:
        self.asked_for: list[str] = []  # first lines of requests, such as "CONNECT example.org:443 HTTP/1.1"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._refuse_all, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _refuse_all(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # the listener was shut down
                return
            with connection:
                connection.settimeout(5)
                request = connection.recv(4096).split(b"\r\n", 1)[0].decode(errors="replace")
            if not VENDOR_HOST.search(request):
                self.asked_for.append(request)
