"""Tables on a terminal, in the form that MLflow's commands print."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

_LEAST_WIDTH: Final = 4


def table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    """Rows below their headers, as columns. Source: MLflow 3.17, `mlflow.utils.string_utils._create_table`."""
    widths = [
        max(_LEAST_WIDTH, len(header) + 2, *(len(row[column]) for row in rows))
        if rows
        else max(_LEAST_WIDTH, len(header) + 2)
        for column, header in enumerate(headers)
    ]
    lines = [headers, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def time_of(time_ms: int) -> str:
    """Milliseconds since the Unix epoch as a person reads them, in UTC."""
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
