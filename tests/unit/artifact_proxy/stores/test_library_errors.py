"""Every public error of a store's library has a meaning here: none reaches a client as a fault of this server."""

import errno
from inspect import isclass
from types import ModuleType

import aioftp
import aiohttp
import asyncssh
import botocore.exceptions
import google.auth.exceptions
import obstore.exceptions
import orjson
import pytest

from artifact_proxy.stores.blob_store import StoreRefused, StoreUnavailable
from artifact_proxy.stores.buckets import azure_bucket, gcs_bucket
from artifact_proxy.stores.library_errors import AWAY, DENIED, HTTP_ERRORS, ErrorTable, mapped, meaning_of
from artifact_proxy.stores.s3 import errors as s3_errors
from artifact_proxy.stores.servers import ftp, sftp, webhdfs
from artifact_proxy.stores.servers.file_tree import NoSuchPath, ServerRefused

LIBRARIES: dict[str, tuple[ModuleType, tuple[type[Exception], ...]]] = {
    "aiohttp": (aiohttp, tuple(HTTP_ERRORS)),
    # S3's answers are told apart by their codes.
    "botocore": (botocore.exceptions, (*s3_errors.CALL_ERRORS, botocore.exceptions.ClientError)),
    "obstore": (obstore.exceptions, tuple(azure_bucket.STORE_ERRORS)),
    "google-auth": (google.auth.exceptions, (google.auth.exceptions.GoogleAuthError,)),
    # Replies are told apart by their codes.
    "aioftp": (aioftp.errors, (*ftp.CONNECTION_ERRORS, aioftp.StatusCodeError)),
    "asyncssh": (asyncssh, tuple(sftp.STORE_ERRORS)),
}

NEVER_RAISED: dict[str, set[type[Exception]]] = {
    # By web sockets, and inside of its parser.
    "aiohttp": {aiohttp.WSMessageTypeError, aiohttp.WebSocketError, aiohttp.EofStream},
    # By servers, by the input of processes, and where keys are made.
    "asyncssh": {
        *(asyncssh.ChannelListenError, asyncssh.PasswordChangeRequired),
        *(asyncssh.BreakReceived, asyncssh.SignalReceived, asyncssh.TerminalSizeChanged),
        *(asyncssh.KeyGenerationError, asyncssh.KeyExportError),
    },
}
"""What a library raises only in parts of it that no store uses."""


def public_errors(module: ModuleType) -> set[type[Exception]]:
    found = {each for name, each in vars(module).items() if isclass(each) and not name.startswith("_")}
    return {each for each in found if issubclass(each, Exception) and not issubclass(each, Warning)}


@pytest.mark.parametrize("library", list(LIBRARIES))
def test_every_public_error_of_a_library_is_mapped(library: str) -> None:
    module, known = LIBRARIES[library]
    errors = public_errors(module) - NEVER_RAISED.get(library, set())
    assert len(errors) > 4
    assert {error for error in errors if not issubclass(error, known)} == set()


@pytest.mark.parametrize(
    ("error", "table", "meant"),
    [
        (asyncssh.SFTPNoSuchFile("x"), sftp.STORE_ERRORS, NoSuchPath()),
        (asyncssh.SFTPFailure("x"), sftp.STORE_ERRORS, ServerRefused("SFTPFailure")),
        (asyncssh.SFTPConnectionLost("x"), sftp.STORE_ERRORS, sftp.CONNECTION_LOST.raised("SFTPConnectionLost")),
        (asyncssh.KeyImportError("x"), sftp.STORE_ERRORS, DENIED.raised("KeyImportError")),
        (asyncssh.ConnectionLost("x"), sftp.STORE_ERRORS, AWAY.raised("ConnectionLost")),
        (TimeoutError(), HTTP_ERRORS, AWAY.raised("TimeoutError")),
        (orjson.JSONDecodeError("x", "", 0), HTTP_ERRORS, AWAY.raised("JSONDecodeError")),
        (
            obstore.exceptions.UnauthenticatedError("x"),
            azure_bucket.STORE_ERRORS,
            DENIED.raised("UnauthenticatedError"),
        ),
    ],
)
def test_the_nearest_class_of_an_error_says_what_it_means(
    error: Exception, table: ErrorTable, meant: Exception
) -> None:
    found = meaning_of(error, table)
    assert type(found) is type(meant)
    assert str(found) == str(meant)


def test_an_error_is_raised_with_its_cause_and_without_its_text() -> None:
    away = OSError(errno.ECONNREFUSED, "https://secret.example refused")
    with pytest.raises(StoreUnavailable) as raised, mapped(HTTP_ERRORS):
        raise away
    assert raised.value.__cause__ is away
    assert "secret.example" not in raised.value.message


def test_an_error_that_no_table_has_is_a_fault_of_this_program() -> None:
    with pytest.raises(ZeroDivisionError), mapped(HTTP_ERRORS):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("answered", "meant"), [(401, StoreRefused), (404, StoreRefused), (412, StoreUnavailable), (500, StoreUnavailable)]
)
def test_a_status_of_google_is_a_refusal_or_an_outage(answered: int, meant: type[Exception]) -> None:
    found = gcs_bucket.unexpected(answered)
    assert (type(found), str(answered) in str(found)) == (meant, True)


@pytest.mark.parametrize(
    ("body", "exception"),
    [(b'{"RemoteException": {"exception": "SafeModeException"}}', "SafeModeException"), (b"{}", ""), (b"<html>", "")],
)
def test_the_exception_in_an_answer_of_a_cluster_is_named(body: bytes, exception: str) -> None:
    assert webhdfs.exception_in(body) == exception
