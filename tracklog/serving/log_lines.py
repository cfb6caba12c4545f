"""What the server has to say beside answers, as lines of JSON."""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

TALKATIVE_LIBRARIES: Final = ("aiobotocore", "aiokafka", "alembic", "botocore")
"""What they say below a warning is for their makers."""

MOST_CAUSES: Final = 10
"""Exceptions of a chain that are shown."""


def log_as_json() -> None:
    """Have everything that is logged written to standard error as lines of JSON."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    for library in TALKATIVE_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """Shapes a record into one line: time, level, logger, message, and the trace of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802  # the name is logging's
        """Where an exception came from, without what it says: libraries quote in it what they were given, and that is
        a part of somebody's request."""
        return "\n".join(_lines_of(ei[1])) if ei[1] is not None else ""


def _lines_of(error: BaseException) -> Iterator[str]:
    """The chain of exceptions, the first cause first, as Python prints it."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain and len(chain) < MOST_CAUSES:
        chain.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    for each in reversed(chain):
        for frame in traceback.extract_tb(each.__traceback__):
            yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
        kind = type(each)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        known = _known(each)
        yield f"{name}: {known}" if known else name


def _known(error: BaseException) -> str:
    """What an error says by a name or number of its own, which no request can choose."""
    if isinstance(error, OSError):
        return error.strerror or ""
    for name in ("sqlite_errorname", "sqlstate"):
        code = getattr(error, name, None)
        if isinstance(code, str):
            return code
    return ""
