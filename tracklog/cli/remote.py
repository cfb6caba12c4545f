"""A server that a command asks over HTTP, with the credentials that MLflow's clients take from the environment."""

import json
import os
import shutil
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.settings.tracking_client import (
    CLIENT_CERTIFICATE,
    PASSWORD,
    SERVER_CERTIFICATE,
    TOKEN,
    USERNAME,
    CertificateUnusable,
    authorization,
    tls_of,
)

Command = Callable[..., Any]

TIMEOUT_S: Final = 60.0

MLFLOW_2: Final = "api/2.0/mlflow"
MLFLOW_3: Final = "api/3.0/mlflow"
OURS: Final = "api/tracklog/v1"


class RemoteAway(click.ClickException):
    """The server cannot be reached, or the connection was lost."""


class Fetched(NamedTuple):
    """An answer that is not one JSON."""

    body: bytes
    headers: Mapping[str, str]


class Remote:
    """Asks one server. What it refuses is a ClickException with its words."""

    def __init__(self, url: str, environment: Mapping[str, str] = os.environ, *, option: str = "--url") -> None:
        scheme = urllib.parse.urlsplit(url).scheme
        if scheme not in ("http", "https"):
            raise BadUsage(f"{option} {url!r} is no address of a server: it begins with http:// or https://.")
        self._url = url.rstrip("/")
        self._authorization = authorization(environment)
        self.username = environment.get(USERNAME, "")
        """Who asks, where that is known here."""
        self.password = environment.get(PASSWORD, "")
        # To read whom the system trusts takes as long as to ask, and HTTP never comes to it.
        tls = _tls(environment) if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._opener = urllib.request.build_opener(_NoRedirects, urllib.request.HTTPSHandler(context=tls))

    def get(self, path: str, /, **query: str) -> Any:
        asked = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        return self._ask("GET", asked, None)

    def change(self, method: str, path: str, **body: Any) -> Any:
        return self._ask(method, path, body)

    def answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: bytes | IO[bytes] | None,
        headers: Mapping[str, str],
    ) -> tuple[int, bytes]:
        """Status and body of an answer, whatever they are. Raises RemoteAway."""
        url = self._address(path, query) if query else f"{self._url}/{path}"
        request = urllib.request.Request(url, body, {**headers, **self._authorization}, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except (OSError, HTTPException) as error:
            raise RemoteAway(f"{self._url} cannot be reached: {error}.") from error

    def page(self, path: str, query: Mapping[str, Any]) -> Fetched:
        """The answer, whatever it is, with its headers."""
        with self._opened(urllib.request.Request(self._address(path, query), headers=self._authorization)) as answer:
            return Fetched(answer.read(), answer.headers)

    def download(self, path: str, query: Mapping[str, Any], file: Path) -> None:
        """Write an answer to a file, piece by piece; the file is there when all of it is. Raises RemoteAway."""
        part = file.with_name(file.name + ".part")
        with self._opened(urllib.request.Request(self._address(path, query), headers=self._authorization)) as answer:
            try:
                with part.open("wb") as output:
                    shutil.copyfileobj(answer, output)
                _require_all_of(answer)
            except (OSError, HTTPException) as error:
                part.unlink(missing_ok=True)
                raise RemoteAway(f"{self._url} was lost: {error}.") from error
        part.replace(file)

    def lines(self, path: str, query: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[bytes]:
        """The lines of an answer as they come, until the server ends it. Raises RemoteAway when it is cut."""
        request = urllib.request.Request(self._address(path, query), headers={**self._authorization, **headers})
        with self._opened(request) as answer:
            try:
                yield from (line.rstrip(b"\r\n") for line in answer)
                _require_all_of(answer)
            except (OSError, HTTPException) as error:
                raise RemoteAway(f"{self._url} was lost: {error}.") from error

    @contextmanager
    def body(self, path: str, message: Mapping[str, Any]) -> Iterator[IO[bytes]]:
        """The answer to a POST, to read piece by piece. Raises RemoteAway, also where it breaks off meanwhile."""
        headers = {"Content-Type": "application/json", **self._authorization}
        request = urllib.request.Request(f"{self._url}/{path}", json.dumps(message).encode(), headers, method="POST")
        with self._opened(request) as answer:
            try:
                yield answer
            except (OSError, HTTPException) as error:
                raise RemoteAway(f"{self._url} was lost: {error}.") from error

    def _address(self, path: str, query: Mapping[str, Any]) -> str:
        return f"{self._url}/{path}?{urllib.parse.urlencode(query, doseq=True)}"

    def _opened(self, request: urllib.request.Request) -> Any:
        try:
            return self._opener.open(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:
            raise (RemoteAway if error.code == 503 else click.ClickException)(_said(error)) from error
        except (OSError, HTTPException) as error:
            raise RemoteAway(f"{self._url} cannot be reached: {error}.") from error

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **self._authorization}
        request = urllib.request.Request(f"{self._url}/{path}", data, headers, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise click.ClickException(_said(error)) from error
        except ValueError as error:
            raise click.ClickException(f"{self._url} does not answer as this server does.") from error
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise click.ClickException(f"{self._url} cannot be reached: {reason}.") from error


def _require_all_of(answer: Any) -> None:
    """Raise HTTPException where an answer that was read to its end is shorter than it said."""
    if answer.length:  # what was to come
        raise HTTPException("it ended too early")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Credentials are for the server that was named, and for no other."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def with_remote(command: Command) -> Command:
    """Give `command` the parameter `remote`."""

    @click.option(
        "--url",
        envvar="MLFLOW_TRACKING_URI",
        default="http://127.0.0.1:5000",
        show_default=True,
        metavar="URL",
        help=f"The server. Who asks is said by {USERNAME} and {PASSWORD}, or by {TOKEN}.",
    )
    @wraps(command)
    def with_options(*, url: str, **given: Any) -> Any:
        return command(remote=Remote(url), **given)

    return with_options


def _tls(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Raises BadUsage for a file that cannot be used."""
    try:
        return tls_of(environment)
    except CertificateUnusable as error:
        raise BadUsage(f"{SERVER_CERTIFICATE} or {CLIENT_CERTIFICATE} cannot be used: {error}") from error


def _said(error: urllib.error.HTTPError) -> str:
    """What the server says, in one sentence."""
    body = error.read()
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        text = body.decode(errors="replace").strip()
        return text if text and len(text) < 500 and "<" not in text else f"The server answers {error.code}."
