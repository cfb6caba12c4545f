"""A refusal that was stored by its code becomes the same error again."""

import pytest

from schemas.errors import InternalError, TracklogError
from schemas.refusals import REFUSALS, refusal_of


@pytest.mark.parametrize("error", REFUSALS.values(), ids=lambda error: error.__name__)
def test_a_stored_refusal_becomes_the_same_error_again(error: type[TracklogError]) -> None:
    refused = error("why")
    again = refusal_of(refused.error_code, refused.message)
    assert (type(again), again.message, again.status) == (error, "why", refused.status)


def test_a_refusal_by_a_newer_version_is_an_internal_error() -> None:
    again = refusal_of("CODE_OF_TOMORROW", "why")
    assert isinstance(again, InternalError)
    assert again.message == "why"
