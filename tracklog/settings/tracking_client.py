"""Who asks a tracking server, and whom it trusts: by the variables that MLflow's clients take from the environment."""

import ssl
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

USERNAME: Final = "MLFLOW_TRACKING_USERNAME"
PASSWORD: Final = "MLFLOW_TRACKING_PASSWORD"
TOKEN: Final = "MLFLOW_TRACKING_TOKEN"
INSECURE: Final = "MLFLOW_TRACKING_INSECURE_TLS"
SERVER_CERTIFICATE: Final = "MLFLOW_TRACKING_SERVER_CERT_PATH"
CLIENT_CERTIFICATE: Final = "MLFLOW_TRACKING_CLIENT_CERT_PATH"


class CertificateUnusable(Exception):
    """A file that the environment names holds no certificate that can be used."""


def authorization(environment: Mapping[str, str], username: str = "", password: str = "") -> dict[str, str]:
    """The headers that say who asks, as MLflow's clients choose: the password before the token.

    What is given counts more than the environment.
    """
    username = username or environment.get(USERNAME, "")
    password = password or environment.get(PASSWORD, "")
    if username and password:
        return {"Authorization": "Basic " + b64encode(f"{username}:{password}".encode()).decode()}
    token = environment.get(TOKEN)
    return {"Authorization": f"Bearer {token}"} if token else {}


def tls_of(environment: Mapping[str, str]) -> ssl.SSLContext:
    """What is trusted, and who asks by a certificate. Raises CertificateUnusable."""
    try:
        context = ssl.create_default_context(cafile=environment.get(SERVER_CERTIFICATE) or None)
        if client := environment.get(CLIENT_CERTIFICATE):
            context.load_cert_chain(client)
    except (OSError, ssl.SSLError) as error:
        raise CertificateUnusable(str(error)) from error
    if environment.get(INSECURE, "").lower() in ("true", "1"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
