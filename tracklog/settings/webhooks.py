"""What an operator sets about webhooks, checked once."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tracklog.settings.store_uris import SettingRefused

DEFAULT_SCHEMES: Final = "https"
DEFAULT_TIMEOUT_S: Final = 30.0
KEY_VARIABLE: Final = "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"
"""Only in the environment: a command line is shown to everybody on the machine."""

_CALLABLE: Final = frozenset({"https", "http"})
_TIMEOUT_AT_MOST_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Where webhooks may lead, and what seals their secrets.

    `private`: addresses of this machine and of private networks may be called. `timeout_s` is for a whole call. `keys`
    is what the variable `KEY_VARIABLE` holds, and `key_file` a file of the same; None where they are not named.
    """

    schemes: frozenset[str] = frozenset({DEFAULT_SCHEMES})
    private: bool = False
    timeout_s: float = DEFAULT_TIMEOUT_S
    keys: str | None = field(default=None, repr=False)
    key_file: Path | None = None


def schemes_of(value: str) -> frozenset[str]:
    """The schemes of `--webhook-allowed-schemes`, comma-separated. Raises SettingRefused."""
    schemes = frozenset(name.strip().lower() for name in value.split(",") if name.strip())
    if not schemes or not schemes <= _CALLABLE:
        raise SettingRefused(f"--webhook-allowed-schemes {value!r} must be https, http or both, separated by a comma.")
    return schemes


def timeout_of(value: float) -> float:
    """The seconds of `--webhook-request-timeout`. Raises SettingRefused."""
    if not math.isfinite(value) or not 0 < value <= _TIMEOUT_AT_MOST_S:
        raise SettingRefused(
            f"--webhook-request-timeout {value:g} must be more than 0 and at most {_TIMEOUT_AT_MOST_S:g} seconds."
        )
    return value
