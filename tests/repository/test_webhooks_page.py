"""What docs/webhooks.md shows and names is so."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.webhook_events import ANNOUNCEMENTS

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text()

SECRET: Final = "s3cret"
HEADERS: Final = {
    "x-mlflow-delivery-id": "58dae77b-5c8b-40f9-a16a-67f21f40fbe6",
    "x-mlflow-timestamp": "1795934018",
    "x-mlflow-signature": "v1,NIaqlSyKwF42WFDkwTO7OqMxfIaNSh/mPesb8XjCKQo=",
}
BODY: Final = (
    b'{"entity": "prompt_alias", "action": "deleted", "timestamp": "2026-11-29T06:33:38.542999+00:00", "data": {"name":'
    b' "example_prompt", "alias": "example_alias"}}'
)
"""As a server of MLflow 3.17.2 sent them."""


@pytest.fixture(scope="module")
def is_genuine() -> Any:
    """The function that the page shows."""
    (example,) = (one for one in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "def is_genuine" in one)
    names: dict[str, Any] = {}
    exec(example, names)
    return names["is_genuine"]


def test_the_example_takes_what_mlflow_signed(is_genuine: Any) -> None:
    assert is_genuine(SECRET, HEADERS, BODY)


@pytest.mark.parametrize(
    ("secret", "headers", "body"),
    [
        ("another", HEADERS, BODY),
        (SECRET, HEADERS, BODY + b" "),
        (SECRET, {**HEADERS, "x-mlflow-timestamp": "1795934019"}, BODY),
        (SECRET, {**HEADERS, "x-mlflow-delivery-id": "58dae77b-5c8b-40f9-a16a-67f21f40fbe7"}, BODY),
        (SECRET, {**HEADERS, "x-mlflow-signature": "v1,é"}, BODY),
        (SECRET, {name: HEADERS[name] for name in HEADERS if name != "x-mlflow-signature"}, BODY),
    ],
    ids=["secret", "body", "timestamp", "delivery id", "signature", "no signature"],
)
def test_the_example_refuses_what_differs(is_genuine: Any, secret: str, headers: dict[str, str], body: bytes) -> None:
    assert not is_genuine(secret, headers, body)


def test_the_table_has_every_event_with_its_schema_and_when_it_is_told() -> None:
    rows = re.findall(r"^\| \[`(.+?)`\]\(webhooks/(.+?)\.schema\.json\) \| (yes)? ?\| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [(one.name, one.name, "yes" * one.is_mlflows, one.when) for one in ANNOUNCEMENTS.values()]
