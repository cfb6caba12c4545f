"""The errors that the fold may refuse an event with. They are stored by their code, for the writer who waits."""

from typing import Final

from schemas.errors import (
    BadRequest,
    InternalError,
    InvalidParameterValue,
    InvalidState,
    ResourceAlreadyExists,
    ResourceConflict,
    ResourceDoesNotExist,
    TracklogError,
)

REFUSALS: Final[dict[str, type[TracklogError]]] = {
    error.error_code: error
    for error in (
        *(InvalidParameterValue, BadRequest, ResourceAlreadyExists, ResourceDoesNotExist, InvalidState),
        ResourceConflict,
    )
}
"""By code. Each code is of one class alone, so that the status is the same again."""


def refusal_of(error_code: str, message: str) -> TracklogError:
    """The error that a stored refusal was; InternalError for a code that this version of Tracklog does not know."""
    return REFUSALS.get(error_code, InternalError)(message)
