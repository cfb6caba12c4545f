"""The parts of an upload are numbered upwards from 1, and its id is said."""

import pytest

from artifact_proxy.http.messages import MAX_PARTS
from artifact_proxy.http.multipart_routes import check_parts, upload_id_of
from schemas.errors import InvalidParameterValue


@pytest.mark.parametrize("numbers", [[1], [1, 2, 3], [2, 7], [MAX_PARTS]])
def test_parts_may_be_left_out_but_not_come_back(numbers: list[int]) -> None:
    check_parts(numbers)


@pytest.mark.parametrize("numbers", [[], [0], [-1, 1], [2, 1], [1, 1], [1, MAX_PARTS + 1]])
def test_parts_that_are_not_numbered_upwards_are_refused(numbers: list[int]) -> None:
    with pytest.raises(InvalidParameterValue):
        check_parts(numbers)


def test_an_upload_without_an_id_is_refused() -> None:
    assert upload_id_of("u") == "u"
    with pytest.raises(InvalidParameterValue, match="upload_id"):
        upload_id_of("")
