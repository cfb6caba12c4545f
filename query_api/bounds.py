"""What one read of a read model may take, and how many may wait for it, whatever database it is in."""

from typing import Final

from schemas.errors import DeadlineExceeded, RequestLimitExceeded

STATEMENT_BOUND_S: Final = 20.0
"""Below the 30 s after which a request is given up, so that the client hears which part took too long."""

MAX_WAITING_STATEMENTS: Final = 1024
"""Statements beyond this are refused at once: at 300 searches a second they would wait for seconds."""


def check_waiting(statements: int) -> None:
    """Raises RequestLimitExceeded when as many statements wait as may."""
    if statements >= MAX_WAITING_STATEMENTS:
        raise RequestLimitExceeded(f"{statements} statements already wait for the read model; try again.")


def too_slow() -> DeadlineExceeded:
    """The error for a statement that took longer than STATEMENT_BOUND_S."""
    return DeadlineExceeded(f"The read model did not answer within {STATEMENT_BOUND_S:g} s; narrow the request.")
