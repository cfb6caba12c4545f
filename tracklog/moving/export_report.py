"""What an export came to: how many things of each kind there are here and were written, and what could not be said."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tracklog.moving.report import Report, Tally


class ExportReport(Report):
    """Grows while an export goes on; `imported` of a tally are those that were written."""

    _place: ClassVar = "there"

    def _counts(self, tally: Tally) -> Mapping[str, int]:
        return {"here": tally.source, "written": tally.imported}

    def _head(self) -> Mapping[str, Any]:
        return {"source": self.source, "target": self.target, "complete": self.is_whole}
