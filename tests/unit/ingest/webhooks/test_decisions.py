"""What requests about webhooks mean, and which are refused."""

import pytest

from ingest.webhooks.decisions import check_name, name_of, names_of, status_of
from schemas.errors import BadRequest, InvalidParameterValue
from schemas.messages.webhooks import WebhookEvent
from schemas.webhook_events import ANNOUNCEMENTS, MLFLOW_PAIRS


@pytest.mark.parametrize("name", ["a", "A9", "a.b_c-d", "x" * 63])
def test_a_name_is_taken(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", ".", "a b", "ä", "x" * 64, "a\n", "a/b"])
def test_another_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameterValue):
        check_name(name)


@pytest.mark.parametrize(
    ("said", "meant"), [(None, None), ("", None), ("ACTIVE", "ACTIVE"), ("DISABLED", "DISABLED"), (1, "ACTIVE")]
)
def test_a_status_is_a_word_or_its_number(said: str | int | None, meant: str | None) -> None:
    assert status_of(said) == meant


@pytest.mark.parametrize("said", ["disabled", "DISABELD", 0, 3, "1"])
def test_a_misspelt_status_does_not_go_live(said: str | int) -> None:
    with pytest.raises(InvalidParameterValue):
        status_of(said)


@pytest.mark.parametrize("pair", MLFLOW_PAIRS, ids=str)
def test_every_pair_of_mlflow_is_an_event(pair: tuple[str, str]) -> None:
    assert name_of(WebhookEvent(entity=pair[0], action=pair[1])) == MLFLOW_PAIRS[pair].name


def test_a_pair_may_be_numbers() -> None:
    assert name_of(WebhookEvent(entity=2, action=1)) == "model_version.created"


@pytest.mark.parametrize(
    ("entity", "action"),
    [("MODEL_VERSION", "UPDATED"), ("RUN", "FINISHED"), ("model_version", "created"), (0, 1), (2, 0), (None, None)],
)
def test_another_pair_is_refused(entity: str | int | None, action: str | int | None) -> None:
    with pytest.raises(InvalidParameterValue):
        name_of(WebhookEvent(entity=entity, action=action))


def test_events_come_in_their_own_order() -> None:
    backwards = list(ANNOUNCEMENTS)[::-1]
    assert names_of(backwards) == list(ANNOUNCEMENTS)


def test_an_event_that_is_named_twice_is_refused() -> None:
    with pytest.raises(BadRequest):
        names_of(["run.finished", "run.finished"])


def test_an_event_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidParameterValue, match=r"run\.ended"):
        names_of(["run.ended"])
