"""What an operator sets about the proof of the log."""

from dataclasses import dataclass, field
from typing import Final

KEY_VARIABLE: Final = "TRACKLOG_PROOF_KEY"
"""Only in the environment: a command line is shown to everybody on the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofSettings:
    """Whether checkpoints are signed, the file of the key that signs, and where else checkpoints are kept; None where
    none is named. `destination` is a URI, as one of artifacts."""

    is_on: bool = True
    key_file: str | None = None
    destination: str | None = field(default=None, repr=False)


NO_PROOF: Final = ProofSettings(is_on=False)
