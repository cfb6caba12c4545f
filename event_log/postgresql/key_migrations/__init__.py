"""The steps that make the schema `tracklog_keys`. A step that was released is never edited."""

from pathlib import Path
from typing import Final

HISTORY: Final = Path(__file__).parent
"""For `schemas.migrations`."""
