"""What an import came to: how many things of each kind there were and are, and what was odd about any of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

SHOWN_ODDITIES: Final = 30
"""In the text; the JSON has all, up to KEPT_ODDITIES of one kind."""

KEPT_ODDITIES: Final = 10_000
"""Of one kind, by row. Of more only the number is kept: memory does not grow with the damage."""


@dataclass(slots=True)
class Tally:
    """Of one kind of things: how many the source has, how many of them are in the log now, and which of these are new;
    `left` are those that stay behind, each told of by an oddity."""

    source: int = 0
    imported: int = 0
    new: int = 0
    left: int = 0

    @property
    def unexplained(self) -> int:
        """How many are neither there nor told of."""
        return self.source - self.imported - self.left


@dataclass(slots=True)
class Report:
    """Grows while an import goes on."""

    source: str
    target: str
    dry_run: bool
    tallies: dict[str, Tally] = field(default_factory=dict)
    oddities: list[tuple[str, str, str]] = field(default_factory=list)  # kind, where, what
    oddities_of: dict[str, int] = field(default_factory=dict)
    renamed: list[tuple[str, str, str]] = field(default_factory=list)  # kind, in the source, here
    events: int = 0

    def tally(self, kind: str) -> Tally:
        return self.tallies.setdefault(kind, Tally())

    def odd(self, kind: str, where: str, what: str, lost: int = 0) -> None:
        """Something odd, by which `lost` things of the kind stay behind."""
        number = self.oddities_of[kind] = self.oddities_of.get(kind, 0) + 1
        if number <= KEPT_ODDITIES:
            self.oddities.append((kind, where, what))
        if lost:
            self.tally(kind).left += lost

    @property
    def is_whole(self) -> bool:
        """Whether everything that the source has is there."""
        return all(tally.imported == tally.source for tally in self.tallies.values())

    @property
    def _done(self) -> str:
        """The word for what becomes of things."""
        return "would be there" if self.dry_run else "imported"

    _place: ClassVar = "here"
    """Where what was renamed has its new name."""

    def _counts(self, tally: Tally) -> Mapping[str, int]:
        """What is told of a kind of things, but for those that are left."""
        return {"source": tally.source, "imported": tally.imported, "new": tally.new}

    def _head(self) -> Mapping[str, Any]:
        """How the report begins."""
        return {
            "source": self.source,
            "target": self.target,
            "dry_run": self.dry_run,
            "complete": self.is_whole,
            "events": self.events,
        }

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            **self._head(),
            "counts": {
                kind: {**self._counts(tally), "left": tally.left, "unexplained": tally.unexplained}
                for kind, tally in self.tallies.items()
            },
            "renamed": [{"kind": kind, "from": old, "to": new} for kind, old, new in self.renamed],
            "oddities_by_kind": self.oddities_of,
            "oddities": [{"kind": kind, "where": where, "what": what} for kind, where, what in self.oddities],
        }

    def lines(self) -> list[str]:
        """The report as text."""
        heads = [self._done if name == "imported" else name for name in self._counts(Tally())]
        rows: list[tuple[str, ...]] = [("", *heads, "left")]
        for kind, tally in self.tallies.items():
            if tally.source or tally.imported or tally.left:
                rows.append((kind, *(f"{one:,}" for one in (*self._counts(tally).values(), tally.left))))
        lines = in_columns(rows)
        for kind, tally in self.tallies.items():
            if tally.unexplained:
                lines.append(f"{kind}: {tally.unexplained:,} neither {heads[1]} nor told of: please report this.")
        lines += [f"{kind} {old} is {new} {self._place}" for kind, old, new in self.renamed]
        # Folders of artifacts that are not there are the rule where none were logged; they hide nothing else.
        shown = sorted(self.oddities, key=lambda oddity: oddity[0].startswith("artifacts of "))[:SHOWN_ODDITIES]
        lines += [f"{kind}: {where}: {what}" for kind, where, what in shown]
        if (number := sum(self.oddities_of.values())) > SHOWN_ODDITIES:
            lines.append(f"{number - SHOWN_ODDITIES:,} more oddities are in the report in JSON: --report FILE.")
        return lines


def in_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
