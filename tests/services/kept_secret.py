"""Passwords of services, made at random."""

import secrets
from pathlib import Path


def new_secret() -> str:
    """Hexadecimal: no command takes it for an option, and no URL or SQL has to quote it."""
    return secrets.token_hex(16)


def kept_secret(file: Path) -> str:
    """The secret in `file`, which is made when there is none, mode 0600."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(new_secret())
    return file.read_text().strip()
