"""The steps that make the schema `tracklog_secrets`."""

from pathlib import Path
from typing import Final

HISTORY: Final = Path(__file__).parent
