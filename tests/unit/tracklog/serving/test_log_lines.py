"""What a log line shows of an exception: where it came from, and nothing that a client sent."""

import json
import logging
import sqlite3
import sys
from contextlib import closing

import pytest

from tracklog.serving.log_lines import JsonLines


def raised(error: Exception, cause: Exception | None = None) -> str:
    """The trace that is logged of an error."""
    try:
        if cause is None:
            raise error
        try:
            raise cause
        except Exception as first:
            raise error from first
    except Exception:
        record = logging.LogRecord("tracklog", logging.ERROR, __file__, 1, "it %s", ("broke",), sys.exc_info())
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["logger"], line["message"]) == ("ERROR", "tracklog", "it broke")
    return str(line["exception"])


def test_an_exception_is_told_by_its_kind_and_place_and_not_by_its_words() -> None:
    shown = raised(ValueError("hunter2"), KeyError("hunter2"))
    assert "hunter2" not in shown
    assert f'File "{__file__}", line' in shown
    assert "in raised\n" in shown
    assert [line for line in shown.splitlines() if not line.startswith("  ")] == ["KeyError", "ValueError"]


def test_what_an_error_says_by_a_number_or_name_of_its_own_is_shown() -> None:
    assert raised(FileNotFoundError(2, "No such file or directory", "hunter2")).endswith(
        "\nFileNotFoundError: No such file or directory"
    )
    with pytest.raises(sqlite3.Error) as caught, closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("SELECT 'hunter2' FROM nowhere")
    assert raised(caught.value).endswith("\nsqlite3.OperationalError: SQLITE_ERROR")


def test_a_chain_without_end_is_shown_in_part() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert raised(first).splitlines()[-1] == "ValueError"
