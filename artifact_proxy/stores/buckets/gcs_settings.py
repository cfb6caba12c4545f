"""Which bucket of Google Cloud Storage artifacts go to, and how it is reached."""

from dataclasses import dataclass
from typing import Final

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.stores.uri import Environ, StoreUri, UnusableStore

GOOGLE: Final = "https://storage.googleapis.com"

EMULATOR_VARIABLE: Final = "STORAGE_EMULATOR_HOST"
"""What Google's own libraries call the address of an emulator, which asks for no credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GcsSettings:
    """A folder of a bucket. Credentials are found by google-auth's own chain, not kept here."""

    bucket: str
    prefix: ArtifactPath = ROOT
    endpoint_url: str = GOOGLE
    is_emulator: bool = False

    @classmethod
    def from_uri(cls, uri: str, environ: Environ) -> "GcsSettings":
        """The settings of `gs://bucket/prefix`.

        Raises UnusableStore.
        """
        parsed = StoreUri.parse(uri)
        if not parsed.host or parsed.user or parsed.port is not None:
            raise UnusableStore(f"{parsed} must look like gs://bucket/prefix; credentials have their own places.")
        emulator = environ.get(EMULATOR_VARIABLE, "").rstrip("/")
        if emulator and "://" not in emulator:
            emulator = f"http://{emulator}"
        return cls(
            bucket=parsed.host, prefix=parsed.folder, endpoint_url=emulator or GOOGLE, is_emulator=bool(emulator)
        )
