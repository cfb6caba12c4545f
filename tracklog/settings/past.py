"""Which moment a server is to show, checked once."""

from dataclasses import dataclass
from pathlib import Path

from schemas.moments import Moment, moment_of
from tracklog.settings.store_uris import SettingRefused

MOMENT_HELP = "a time as in 2026-11-28T09:30Z, 2h for two hours ago, or positions as in 0:1234"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSettings:
    """The moment, and the folder in which its read model is kept; None keeps it for as long as the server runs."""

    moment: Moment
    folder: Path | None


def moment_setting(option: str, text: str, now_us: int) -> Moment:
    """The moment that an option names. Raises SettingRefused, also for one that is still to come."""
    try:
        moment = moment_of(text.strip(), now_us)
    except (ValueError, OverflowError) as error:
        raise SettingRefused(f"{option} {text!r} is no moment: write {MOMENT_HELP}.") from error
    if isinstance(moment, int) and moment > now_us:
        raise SettingRefused(f"{option} {text!r} is still to come.")
    return moment
