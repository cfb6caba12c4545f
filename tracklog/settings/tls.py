"""TLS as an operator sets it: a certificate, its key, and whose certificates clients may come with.

The options have the names that uvicorn gives them, which `mlflow server` takes inside `--uvicorn-opts`.
"""

import shlex
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tracklog.settings.store_uris import SettingRefused

CLIENT_CERTIFICATES: Final[Mapping[str, ssl.VerifyMode]] = {
    "0": ssl.CERT_NONE,
    "1": ssl.CERT_OPTIONAL,
    "2": ssl.CERT_REQUIRED,
}
"""What `--ssl-cert-reqs` may be, by the numbers of Python's ssl module."""

PASSWORD_VARIABLE: Final = "TRACKLOG_SSL_KEYFILE_PASSWORD"

UVICORN_TLS_OPTIONS: Final = ("--ssl-certfile", "--ssl-keyfile", "--ssl-ca-certs", "--ssl-cert-reqs")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """`certificate` and `key` may be one file. `authorities` is what client certificates are checked against."""

    certificate: Path
    key: Path
    key_password: str | None = None
    authorities: Path | None = None
    client_certificates: ssl.VerifyMode = ssl.CERT_NONE

    @property
    def files(self) -> tuple[Path, ...]:
        """What is read."""
        return tuple(file for file in (self.certificate, self.key, self.authorities) if file is not None)

    @property
    def needs_client_certificates(self) -> bool:
        """Whether nobody is let in without a certificate."""
        return self.client_certificates is ssl.CERT_REQUIRED

    def key_pem(self) -> bytes:
        """The key without a password, for what does not take one. Raises OSError, ValueError."""
        pem = self.key.read_bytes()
        if self.key_password is None:
            return pem
        from cryptography.hazmat.primitives import serialization

        key = serialization.load_pem_private_key(pem, self.key_password.encode())
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def context(self) -> ssl.SSLContext:
        """What connections are accepted with. Raises SettingRefused for files that cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # Python's own default, unless who built it left that to OpenSSL, as Debian does.
        context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self.certificate, self.key, lambda: self.key_password or "")
        except (OSError, ValueError) as error:  # ValueError: a password that is too long
            raise SettingRefused(
                f"--ssl-certfile {self.certificate} and --ssl-keyfile {self.key} cannot be used: {_reason(error)}."
            ) from error
        if self.authorities is not None:
            try:
                context.load_verify_locations(self.authorities)
            except OSError as error:
                raise SettingRefused(f"--ssl-ca-certs {self.authorities} cannot be used: {_reason(error)}.") from error
        context.verify_mode = self.client_certificates
        return context


def tls_of(
    certificate: Path | None,
    key: Path | None,
    authorities: Path | None,
    client_certificates: str | None,
    key_password: str | None,
) -> TlsSettings | None:
    """TLS as the options say; None when none of them was given.

    A client certificate is required where `--ssl-ca-certs` says which, unless `--ssl-cert-reqs` says otherwise.
    Raises SettingRefused.
    """
    if certificate is None:
        if key is not None or authorities is not None or client_certificates is not None:
            raise SettingRefused("--ssl-certfile is missing: without a certificate there is no TLS.")
        return None
    default = ssl.CERT_REQUIRED if authorities is not None else ssl.CERT_NONE
    wanted = default if client_certificates is None else CLIENT_CERTIFICATES[client_certificates]
    if wanted is not ssl.CERT_NONE and authorities is None:
        raise SettingRefused("--ssl-cert-reqs needs --ssl-ca-certs, which says whose certificates are good.")
    settings = TlsSettings(
        certificate=certificate,
        key=key or certificate,
        key_password=key_password,
        authorities=authorities,
        client_certificates=wanted,
    )
    settings.context()  # what cannot be used is refused before anything is opened
    return settings


def tls_options_in(uvicorn_options: str) -> dict[str, str]:
    """The values of the options of TLS in `--uvicorn-opts`, by name. Raises SettingRefused for every other option."""
    try:
        words = shlex.split(uvicorn_options)
    except ValueError as error:
        raise SettingRefused(f"--uvicorn-opts cannot be read: {error}.") from error
    found: dict[str, str] = {}
    while words:
        option, equals, value = words.pop(0).partition("=")
        if option not in UVICORN_TLS_OPTIONS:
            raise SettingRefused(
                f"{option} in --uvicorn-opts is not supported: Tracklog serves from a process of its own, and takes"
                f" {', '.join(UVICORN_TLS_OPTIONS)} only."
            )
        if not equals:
            if not words:
                raise SettingRefused(f"{option} in --uvicorn-opts has no value.")
            value = words.pop(0)
        found[option] = value
    if found.get("--ssl-cert-reqs", "0") not in CLIENT_CERTIFICATES:
        raise SettingRefused(f"--ssl-cert-reqs in --uvicorn-opts is one of {', '.join(CLIENT_CERTIFICATES)}.")
    return found


def _reason(error: Exception) -> str:
    """Why files cannot be used, without what they hold."""
    if isinstance(error, ssl.SSLError):
        return error.reason.replace("_", " ").lower() if error.reason else "no PEM, or the password is wrong"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "the password is too long"
