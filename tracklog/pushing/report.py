"""What a push came to."""

from dataclasses import dataclass, field
from typing import Any, Final

KEPT: Final = 1000
"""Notes of one kind, by row. Of more only the number is kept."""


@dataclass(slots=True)
class Report:
    """Grows while a push goes on."""

    source: str
    target: str
    dry_run: bool = False
    sent: int = 0  # events
    new: int = 0  # of these, those that were not there
    forgotten: int = 0  # events of which nothing is left to send
    artifacts: int = 0  # files that were looked at
    uploaded: int = 0
    bytes_uploaded: int = 0
    notes: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)  # of notes, all of them

    def note(self, kind: str, what: str) -> None:
        """Something that whoever pushes should know."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= KEPT:
            self.notes.setdefault(kind, []).append(what)

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "source": self.source,
            "target": self.target,
            "dry_run": self.dry_run,
            "events": {"sent": self.sent, "new": self.new, "forgotten": self.forgotten},
            "artifacts": {"files": self.artifacts, "uploaded": self.uploaded, "bytes": self.bytes_uploaded},
            "counts": self.counts,
            "notes": self.notes,
        }

    def lines(self) -> list[str]:
        """The report as text."""
        if self.dry_run:
            first = [f"{self.sent:,} events would be sent to {self.target}, {self.artifacts:,} files looked at."]
        else:
            first = [
                f"{self.sent:,} events of {self.source} sent to {self.target}, {self.new:,} of them new.",
                f"{self.artifacts:,} files looked at, {self.uploaded:,} uploaded ({self.bytes_uploaded:,} bytes).",
            ]
        if self.forgotten:
            first.append(f"{self.forgotten:,} events were forgotten here, and are not sent.")
        rest = [f"{kind}: {what}" for kind, notes in self.notes.items() for what in notes]
        hidden = sum(self.counts.values()) - len(rest)
        return [*first, *rest, *([f"{hidden:,} more are not shown."] if hidden else [])]
