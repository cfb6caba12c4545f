"""What the operator of a server says of the sources of model versions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import SplitResult

from ingest.artifact_locations import SCHEMES_WITH_A_HOST, is_host_allowed

ALLOWED_SCHEMES_VARIABLE: Final = "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES"
PATTERN_VARIABLE: Final = "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX"


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """`own_roots` are where artifacts go, by default and behind the proxy: their hosts may be named.

    So may any host with one of `allowed_schemes`. `pattern` has to be found in every source.
    """

    own_roots: tuple[str, ...] = ()
    allowed_schemes: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None

    @classmethod
    def from_environment(cls, own_roots: Sequence[str], environ: Mapping[str, str]) -> Self:
        """By MLflow's variables. Raises ValueError, with a sentence, for a pattern that is none."""
        pattern = environ.get(PATTERN_VARIABLE, "")
        try:
            compiled = re.compile(pattern) if pattern else None
        except re.error as error:
            raise ValueError(f"{PATTERN_VARIABLE} is not a regular expression: {error}.") from error
        schemes = (scheme.strip().lower() for scheme in environ.get(ALLOWED_SCHEMES_VARIABLE, "").split(","))
        return cls(tuple(root for root in own_roots if root), frozenset(filter(None, schemes)), compiled)

    def is_own_host(self, parts: SplitResult) -> bool:
        """Whether a URI names the host of one of this server's roots. Raises ValueError for a port that cannot be."""
        return any(is_host_allowed(parts, root, None) for root in self.own_roots)

    def is_foreign_host(self, parts: SplitResult) -> bool:
        """Whether a URI names a host to connect to that nobody allowed. Raises ValueError for a port that cannot be."""
        if parts.scheme not in SCHEMES_WITH_A_HOST or (parts.scheme == "mlflow-artifacts" and not parts.netloc):
            return False
        return parts.scheme not in self.allowed_schemes and not self.is_own_host(parts)
