"""The decision records in `docs/adr` are numbered without a hole, dated, and listed with their status."""

import re
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import pytest

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "adr"
RECORDS: Final = sorted(FOLDER.glob("[0-9]*.md"))
HEAD: Final = re.compile(
    r"# (?P<number>\d+)\. (?P<title>.+)\n\n"
    r"- Status: (?P<status>accepted|withdrawn|superseded by \[\d{4}\]\(\d{4}-[a-z0-9-]+\.md\))\n"
    r"- Date: (?P<date>\d{4}-\d\d-\d\d)\n\n"
)


class Row(NamedTuple):
    """What the index tells of a record."""

    number: str
    file: str
    title: str
    status: str
    date: str


INDEX: Final = [
    Row(*cells)
    for cells in re.findall(
        r"^\| \[(\d{4})\]\((.+?\.md)\) \| (.+) \| (.+) \| (.+) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
]


def test_numbers_have_no_hole_and_none_is_taken_twice() -> None:
    """A new record takes the next number. One that was left out is a record that says it is withdrawn."""
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name[:4])
def test_a_record_begins_with_its_number_its_status_and_its_date(record: Path) -> None:
    head = HEAD.match(record.read_text())
    assert head is not None, "not `# <number>. <title>`, `- Status: <status>`, `- Date: <year>-<month>-<day>`"
    assert f"{int(head['number']):04}" == record.name[:4]
    date.fromisoformat(head["date"])


def test_the_index_has_each_record_in_order_with_its_title_its_status_and_its_date() -> None:
    assert [row.file for row in INDEX] == [record.name for record in RECORDS]
    for row in INDEX:
        head = HEAD.match((FOLDER / row.file).read_text())
        assert head is not None
        assert row.number == row.file[:4]
        assert (row.status, row.date) == (head["status"], head["date"])
        assert row.title.startswith(head["title"])
