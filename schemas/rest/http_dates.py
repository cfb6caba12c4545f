"""The dates of HTTP headers.

Source: RFC 9110, section 5.6.7. The web framework's own reader raises for years that no calendar has.
"""

from datetime import UTC, datetime
from typing import Final

LONGEST: Final = 40
"""Characters; the longest form has 33."""

FORMS: Final = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")


def http_date(text: str | None) -> datetime | None:
    """The moment that a header names in one of the three forms there are; None when it is missing or anything else."""
    if text is None or len(text) > LONGEST or not text.isascii():
        return None
    for form in FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
