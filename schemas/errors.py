"""Every error a client can get, with its MLflow error code and HTTP status.

TracklogError
├── InvalidParameterValue        400
├── BadRequest                   400
├── ResourceAlreadyExists        400
├── Unauthenticated              401
├── PermissionDenied             403
├── ResourceDoesNotExist         404
├── NotFound                     404
├── EndpointNotFound             404
├── MethodNotAllowed             405
├── ResourceConflict             409
├── RequestTooLarge              413
├── StorageFull                  507
├── UnsupportedEncoding          415
├── InvalidState                 500  (MLflow's own status for a rename of a deleted experiment)
├── InternalError                500
├── NotImplementedYet            501
└── Retryable                    (base of what may be repeated as it is)
    ├── RequestTimeout           408
    ├── RequestLimitExceeded     429
    ├── TemporarilyUnavailable   503, or 429 of a write
    └── DeadlineExceeded         504, or 429 of a write

A write that was certainly not carried out is answered 429, whatever prevented it: clients since MLflow 3.18 repeat a
write after that status. 503 and 504 of a write mean that it may have been carried out; `Retryable.in_doubt` says which
it is.

Source of codes and statuses: MLflow's ErrorCode enum and its HTTP mapping.
"""

from typing import ClassVar, Final, Self


class TracklogError(Exception):
    """An error with a code and a status; `message` is shown to the client as it is."""

    error_code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500

    explained_by: str = ""
    """The stream whose history tells how it came to what the error says; empty where none does."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def explained(self, stream: str) -> Self:
        """The same error, whose answer leads to the history of a stream."""
        self.explained_by = stream
        return self


class InvalidParameterValue(TracklogError):
    error_code = "INVALID_PARAMETER_VALUE"
    status = 400


class BadRequest(TracklogError):
    error_code = "BAD_REQUEST"
    status = 400


class ResourceAlreadyExists(TracklogError):
    error_code = "RESOURCE_ALREADY_EXISTS"
    status = 400


class Unauthenticated(TracklogError):
    """Answered with a WWW-Authenticate header."""

    error_code = "UNAUTHENTICATED"
    status = 401


class PermissionDenied(TracklogError):
    error_code = "PERMISSION_DENIED"
    status = 403


class ResourceDoesNotExist(TracklogError):
    error_code = "RESOURCE_DOES_NOT_EXIST"
    status = 404


class NotFound(TracklogError):
    error_code = "NOT_FOUND"
    status = 404


class EndpointNotFound(TracklogError):
    error_code = "ENDPOINT_NOT_FOUND"
    status = 404


class MethodNotAllowed(TracklogError):
    error_code = "BAD_REQUEST"
    status = 405


class ResourceConflict(TracklogError):
    """What a change was planned on is not so any more."""

    error_code = "RESOURCE_CONFLICT"
    status = 409


class RequestTooLarge(TracklogError):
    error_code = "INVALID_PARAMETER_VALUE"
    status = 413


class StorageFull(TracklogError):
    """There is no room. Not among the errors that MLflow's client repeats: room is made by people, not by waiting."""

    error_code = "RESOURCE_EXHAUSTED"
    status = 507


class UnsupportedEncoding(TracklogError):
    """Answered with an Accept-Encoding header that names the encodings there are."""

    error_code = "INVALID_PARAMETER_VALUE"
    status = 415


class InvalidState(TracklogError):
    error_code = "INVALID_STATE"
    status = 500


class InternalError(TracklogError):
    error_code = "INTERNAL_ERROR"
    status = 500


class NotImplementedYet(TracklogError):
    error_code = "NOT_IMPLEMENTED"
    status = 501


class Retryable(TracklogError):
    """The same request may succeed later; answered with a Retry-After header.

    `in_doubt`: a write that ends in it may have been carried out all the same.
    """

    retry_after_s: ClassVar[int] = 1
    in_doubt: ClassVar[bool] = False


AWAY_RETRY_S: Final = 5
"""Of what cannot be reached. MLflow's clients repeat seven times, so they survive an outage of half a minute."""


class RequestLimitExceeded(Retryable):
    error_code = "REQUEST_LIMIT_EXCEEDED"
    status = 429


class RequestTimeout(Retryable):
    """The client did not send the rest of its request."""

    error_code = "DEADLINE_EXCEEDED"
    status = 408


class TemporarilyUnavailable(Retryable):
    error_code = "TEMPORARILY_UNAVAILABLE"
    status = 503
    retry_after_s = AWAY_RETRY_S


class DeadlineExceeded(Retryable):
    error_code = "DEADLINE_EXCEEDED"
    status = 504
