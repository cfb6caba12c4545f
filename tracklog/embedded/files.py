"""The files that lie beside the log of an embedded server, by their names."""

from pathlib import Path


def secrets_file_of(log: Path) -> Path:
    """Secrets: hashes of passwords, digests of tokens, sealed secrets of webhooks."""
    return _beside(log, "secrets")


def history_file_of(log: Path) -> Path:
    """The index of the history, which can be thrown away at any time."""
    return _beside(log, "history")


def deliveries_file_of(log: Path) -> Path:
    """What webhooks are owed, and were sent."""
    return _beside(log, "webhooks")


def webhook_key_file_of(log: Path) -> Path:
    """The key that seals secrets of webhooks where the operator names none."""
    return _beside(log, "webhook-key")


def erasures_file_of(log: Path) -> Path:
    """The erasures of the log, as lines of JSON: what a copy from before them has to forget when it is put back."""
    return _beside(log, "erasures")


def configuration_file_of(log: Path) -> Path:
    """With which options a server was started last."""
    return _beside(log, "configuration")


def _beside(log: Path, what: str) -> Path:
    return log.with_name(f"{log.name}.{what}")
