"""What the page asks for that a server without certain features refuses, and why that is right."""

import re
from dataclasses import dataclass
from http import HTTPStatus

NOT_HERE = frozenset({HTTPStatus.NOT_FOUND})


@dataclass(frozen=True, slots=True)
class ExpectedFailure:
    """A request that may answer 404; every other failure of every request is an error."""

    method: str
    path: str  # a regular expression for the whole path, without the query
    reason: str


EXPECTED_FAILURES = (
    ExpectedFailure("GET", "/ajax-api/2.0/mlflow/users/current", "there are no accounts; MLflow answers 404 too"),
    ExpectedFailure(
        "GET", "/ajax-api/2.0/mlflow/registered-models/get", "the form for a new model asks whether its name is free"
    ),
)


def expected_failure(method: str, path: str, status: int) -> ExpectedFailure | None:
    """The known refusal that an answer of 400 or more is; None when it is none of them."""
    if status not in NOT_HERE:
        return None
    known = (failure for failure in EXPECTED_FAILURES if failure.method == method)
    return next((failure for failure in known if re.fullmatch(failure.path, path)), None)
