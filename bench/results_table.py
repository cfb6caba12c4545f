"""The results as a markdown table, written between two markers of docs/performance.md."""

from pathlib import Path

from bench.measures import Row
from bench.results import Cell, Results
from bench.suites import Suite

NO_CELL = Cell(None, note="not measured")


def render(results: Results, suite: Suite) -> str:
    """The table of all rows, under a line about the machine."""
    machine = results.machine
    titles = [server.title for server in suite.servers.values()]
    lines = [
        f"Measured {machine['measured_at'][:10]} at commit {machine['commit']}: {machine['cores']} cores"
        f" ({machine['processor']}), {machine['memory_gb']} GB, Linux {machine['kernel']}, Python {machine['python']};"
        f" one 4 KiB append with fdatasync takes {machine['fdatasync_us']} µs.",
        "",
        f"| measure | goal | {' | '.join(titles)} | times MLflow / FastTrackML | |",
        f"|---|---:|{'---:|' * len(titles)}---:|---|",
    ]
    lines += [_line(row, results.cells.get(row.name, {}), suite) for measure in suite.measures for row in measure.rows]
    return "\n".join(lines)


def publish(table: str, suite: Suite, page: Path) -> None:
    """Replace what stands between the suite's markers of a page."""
    first, last = (f"<!-- results of `{suite.command}`: {place} -->" for place in ("begin", "end"))
    text = page.read_text()
    before, begin, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"{page} lacks the markers {first!r} and {last!r}")
    page.write_text(f"{before}{begin}\n\n{table}\n\n{end}{after}")


def _line(row: Row, cells: dict[str, Cell], suite: Suite) -> str:
    ours, mlflow, fasttrackml = (cells.get(name, NO_CELL) for name in ("tracklog", "mlflow", "fasttrackml"))
    verdict = "" if ours.value is None else "MET" if row.met_by(ours.value) else "**NOT MET**"
    figures = " | ".join(_figure(cells.get(name, NO_CELL)) for name in suite.servers)
    return (
        f"| {row.title} | {_goal(row)} | {figures}"
        f" | {_times(row, ours, mlflow)} / {_times(row, ours, fasttrackml)} | {verdict} |"
    )


def _goal(row: Row) -> str:
    return f"{'≥' if row.better == 'higher' else '≤'} {row.goal:,.0f} {row.unit}"


def _figure(cell: Cell) -> str:
    if cell.value is None:
        return cell.note.replace("|", "/").replace("\n", " ")
    figure = (
        f"{cell.value:,.0f}" if cell.value >= 100 else f"{cell.value:.1f}" if cell.value >= 3 else f"{cell.value:.2f}"
    )
    return f"{figure} ({cell.note})" if cell.note else figure


def _times(row: Row, ours: Cell, theirs: Cell) -> str:
    """How many times better ours is; below 1 it is worse."""
    if not ours.value or not theirs.value:
        return "n/a"
    times = ours.value / theirs.value if row.better == "higher" else theirs.value / ours.value
    return f"{times:,.0f}" if times >= 10 else f"{times:.1f}"
