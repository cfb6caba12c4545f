"""`python -m scripts.release_notes VERSION`: print what CHANGELOG.md says of a version; fail where it says nothing."""

import re
import sys
from pathlib import Path


def notes_of(version: str, changelog: str) -> str:
    """The text below the heading of `version`, up to the next. Raises LookupError where there is none."""
    pattern = rf"^## {re.escape(version)} \([^)]*\)\n(.*?)(?=^## |\Z)"
    found = re.search(pattern, changelog, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise LookupError(
            f"CHANGELOG.md says nothing of {version}: `make release VERSION={version}` comes before the tag"
        )
    return found[1].strip() + "\n"


if __name__ == "__main__":
    try:
        sys.stdout.write(notes_of(sys.argv[1], Path("CHANGELOG.md").read_text(encoding="utf-8")))
    except LookupError as error:
        sys.exit(str(error))
