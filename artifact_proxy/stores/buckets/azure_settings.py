"""Which container of Azure Blob Storage artifacts go to, and how it is reached."""

import re
from dataclasses import dataclass, field
from typing import Final

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.stores.uri import Environ, StoreUri, UnusableStore

CONNECTION_STRING: Final = "AZURE_STORAGE_CONNECTION_STRING"
ACCESS_KEY: Final = "AZURE_STORAGE_ACCESS_KEY"

AZURE_DOMAINS: Final = ("blob.core.windows.net", "dfs.core.windows.net")
"""Where an account is reached that says nothing of its endpoint. Any other domain would be passed over in silence."""

ACCOUNT: Final = re.compile(r"[a-z0-9]{3,24}")
CONTAINER: Final = re.compile(r"[a-z0-9$-]{1,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSettings:
    """A folder of a container. Without a key, credentials are found by obstore's own chain and not kept here."""

    account: str
    container: str
    prefix: ArtifactPath = ROOT
    endpoint: str | None = None
    key: str | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)

    @classmethod
    def from_uri(cls, uri: str, environ: Environ) -> "AzureSettings":
        """The settings of `wasbs://container@account.blob.core.windows.net/prefix`, or `abfss://` at `dfs.`.

        Source: MLflow's Azure artifact repository, and its names of the variables.
        Raises UnusableStore.
        """
        parsed = StoreUri.parse(uri)
        account, _dot, domain = parsed.host.partition(".")
        named = CONTAINER.fullmatch(parsed.user) and ACCOUNT.fullmatch(account) and domain
        if not named or parsed.password or parsed.port is not None:
            raise UnusableStore(
                f"{parsed} must look like {parsed.scheme}://container@account.blob.core.windows.net/prefix."
            )
        given = fields_of(environ.get(CONNECTION_STRING, ""))
        if domain not in AZURE_DOMAINS and "BlobEndpoint" not in given:
            raise UnusableStore(
                f"{parsed} names a storage that is not at {AZURE_DOMAINS[0]}: say its BlobEndpoint in "
                f"{CONNECTION_STRING}."
            )
        return cls(
            account=given.get("AccountName", account),
            container=parsed.user,
            prefix=parsed.folder,
            endpoint=given.get("BlobEndpoint"),
            key=given.get("AccountKey") or environ.get(ACCESS_KEY) or None,
            signature=given.get("SharedAccessSignature"),
        )


def fields_of(connection_string: str) -> dict[str, str]:
    """The fields of a connection string, `Name=Value;…`; a value may hold equals signs."""
    fields = (field.partition("=") for field in connection_string.split(";") if field)
    return {name: value for name, _, value in fields}
