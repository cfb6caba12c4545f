"""What a page of the history is about, as its address and its form name it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from schemas.errors import InvalidParameterValue
from schemas.events.experiments import EXPERIMENTS
from schemas.events.registered_models import REGISTERED_MODELS
from schemas.events.runs import RUNS
from schemas.messages.bounds import shown
from schemas.messages.history import GetDiff, HistoryFilter

SUBJECTS: Final[Mapping[str, str]] = {
    "run_id": "run",
    "experiment_id": "experiment",
    "model": "registered model",
    "logged_model_id": "logged model",
    "artifact": "artifact",
    "request_id": "request",
    "stream": "stream",
}
"""The parameters of an address that name one thing, and what a person calls it."""

ABOUT: Final = "about"
NAMED: Final = "named"
"""The two fields of the form that name it together: `about=run_id&named=…` is `run_id=…`."""


_COMPARED_AS: Final[Mapping[str, str]] = {
    "run_id": "run_id",
    "experiment_id": "experiment_id",
    "model": "registered_model",
}

_FIELDS: Final[Mapping[str, str]] = {
    RUNS.name: "run_id",
    EXPERIMENTS.name: "experiment_id",
    REGISTERED_MODELS.name: "registered_model",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing; `field` is the parameter that names it, empty for everything there is.

    `is_all_seen`: who asks may read the history of everything that is shown, whatever stream it is of.
    """

    field: str = ""
    name: str = ""
    is_all_seen: bool = True

    @property
    def text(self) -> str:
        return f"{SUBJECTS[self.field]} {self.name}" if self.field else "everything"

    def stream_of(self, stream: str) -> str:
        """In whose history an event of `stream` is that this one's has; empty in that of everything.

        Who may read the history of one thing alone is shown an event of it by that.
        """
        if self.field in ("", "request_id"):
            return "" if self.is_all_seen else stream
        return f"{REGISTERED_MODELS.name}/{self.name}" if self.field == "model" else stream

    @property
    def compared_as(self) -> str:
        """What names it where moments are compared; empty for what is not compared."""
        return _COMPARED_AS.get(self.field, "")


def subject_of(asked: HistoryFilter) -> Subject:
    """The first thing that a request names."""
    return next((Subject(field, getattr(asked, field)) for field in SUBJECTS if getattr(asked, field)), Subject())


def compared_subject(wanted: GetDiff) -> Subject:
    """What a comparison is of."""
    return next(Subject(field, name) for field, called in _COMPARED_AS.items() if (name := getattr(wanted, called)))


def thing_of(stream: str) -> GetDiff | None:
    """What of its states can be compared: the thing whose stream it is, None for one of which there are none."""
    kind, _, key = stream.partition("/")
    field = _FIELDS.get(kind)
    return None if field is None else GetDiff(**{field: key})


def plain_query(query: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """A query without what a form sends of fields that were left empty, and with the subject by its own name.

    Raises InvalidParameterValue for a subject of no kind.
    """
    plain = [(name, value.strip()) for name, value in query if value.strip()]
    form = dict(plain)
    about, named = form.get(ABOUT, ""), form.get(NAMED, "")
    plain = [(name, value) for name, value in plain if name not in (ABOUT, NAMED)]
    if about and named:
        if about not in SUBJECTS:
            raise InvalidParameterValue(f"{shown(about)} is nothing that has a history, such as run_id.")
        plain.append((about, named))
    return plain
