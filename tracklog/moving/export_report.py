"""What an export came to: how many things of each kind there are here and were written, and what could not be said."""

from typing import Any

from tracklog.moving.report import SHOWN_ODDITIES, Report, in_columns


class ExportReport(Report):
    """Grows while an export goes on; `imported` of a tally are those that were written."""

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "source": self.source,
            "target": self.target,
            "complete": self.is_whole,
            "counts": {
                kind: {
                    "here": tally.source,
                    "written": tally.imported,
                    "left": tally.left,
                    "unexplained": tally.unexplained,
                }
                for kind, tally in self.tallies.items()
            },
            "renamed": [{"kind": kind, "from": old, "to": new} for kind, old, new in self.renamed],
            "oddities_by_kind": self.oddities_of,
            "oddities": [{"kind": kind, "where": where, "what": what} for kind, where, what in self.oddities],
        }

    def lines(self) -> list[str]:
        """The report as text."""
        rows = [("", "here", "written", "left")]
        for kind, tally in self.tallies.items():
            if tally.source or tally.imported or tally.left:
                rows.append((kind, f"{tally.source:,}", f"{tally.imported:,}", f"{tally.left:,}"))
        lines = in_columns(rows)
        for kind, tally in self.tallies.items():
            if tally.unexplained:
                lines.append(f"{kind}: {tally.unexplained:,} neither written nor told of: please report this.")
        lines += [f"{kind} {old} is {new} there" for kind, old, new in self.renamed]
        lines += [f"{kind}: {where}: {what}" for kind, where, what in self.oddities[:SHOWN_ODDITIES]]
        if (number := sum(self.oddities_of.values())) > SHOWN_ODDITIES:
            lines.append(f"{number - SHOWN_ODDITIES:,} more are in the report in JSON: --report FILE.")
        return lines
