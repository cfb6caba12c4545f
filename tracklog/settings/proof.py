"""What an operator sets about the proof of the log."""

from dataclasses import dataclass
from typing import Final

KEY_VARIABLE: Final = "TRACKLOG_PROOF_KEY"
"""Only in the environment: a command line is shown to everybody on the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofSettings:
    """Whether checkpoints are signed, and the file of the key that signs, None where none is named."""

    is_on: bool = True
    key_file: str | None = None


NO_PROOF: Final = ProofSettings(is_on=False)
