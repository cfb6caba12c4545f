"""Every fact the log can hold: the payloads, and the name and version each is stored under.

Each class is the newest version of its event; older shapes are lifted to it by `schemas.upcasters`.
Times without a unit in their name do not exist here; `*_ms` is milliseconds since the Unix epoch by the client's clock.
"""

from typing import ClassVar, Final

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A fact. `event_type` and `event_version` name its stored shape for ever."""

    event_type: ClassVar[str]
    event_version: ClassVar[int] = 1


class Tag(msgspec.Struct, frozen=True, gc=False):
    """A key and its text."""

    key: str
    value: str


class Param(msgspec.Struct, frozen=True, gc=False):
    """A parameter of a run or a logged model: written once, never changed."""

    key: str
    value: str


class MetricSeries(msgspec.Struct, frozen=True, gc=False):
    """The points of one metric in the order they were reported, as columns of equal length.

    Columns because a batch of a thousand points then costs a third of the bytes and of the time of a list of objects.
    A value JSON has no number for is the string "NaN", "Infinity" or "-Infinity".
    """

    key: str
    value: list[float | str]
    timestamp_ms: list[int]
    step: list[int]


class ModelMetric(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One point that a run also reported for a logged model, perhaps on a dataset."""

    model_id: str
    key: str
    value: float | str
    timestamp_ms: int
    step: int
    dataset_name: str | None = None
    dataset_digest: str | None = None


class DatasetInput(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A dataset a run read. (name, digest) identify it inside an experiment."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None
    tags: list[Tag] = []


class ModelOutput(msgspec.Struct, frozen=True, gc=False):
    """A logged model that a run made at a step."""

    model_id: str
    step: int


# --- stream experiment/<id>; ordering unit `experiments`, because names are unique across them --------------------


class ExperimentCreated(Event, frozen=True):
    """`awaits_acknowledgement`: until experiment.acknowledged comes, nobody was told that it is created.

    Version 1 does not know that event.
    """

    event_type = "experiment.created"
    event_version = 2

    experiment_id: int
    name: str
    artifact_location: str
    tags: list[Tag] = []
    awaits_acknowledgement: bool = False


class ExperimentAcknowledged(Event, frozen=True):
    """A request to create the experiment is about to be answered with its id: no other will be."""

    event_type = "experiment.acknowledged"

    experiment_id: int


class ExperimentRenamed(Event, frozen=True):
    event_type = "experiment.renamed"

    experiment_id: int
    name: str


class ExperimentDeleted(Event, frozen=True):
    event_type = "experiment.deleted"

    experiment_id: int


class ExperimentRestored(Event, frozen=True):
    event_type = "experiment.restored"

    experiment_id: int


class ExperimentTagSet(Event, frozen=True):
    event_type = "experiment.tag-set"

    experiment_id: int
    key: str
    value: str


class ExperimentTagDeleted(Event, frozen=True):
    event_type = "experiment.tag-deleted"

    experiment_id: int
    key: str


# --- stream run/<id>; its own ordering unit -----------------------------------------------------------------------


class RunCreated(Event, frozen=True):
    """`experiment_revision`: how many times the experiment had been deleted or restored, as far as the writer had seen.

    Missing in events of version 1, and in those alone; so in run.deleted and run.restored.
    """

    event_type = "run.created"
    event_version = 2

    run_id: str
    experiment_id: int
    name: str
    user_id: str
    start_time_ms: int
    artifact_uri: str
    tags: list[Tag] = []
    experiment_revision: int | None = None


class RunUpdated(Event, frozen=True):
    """The fields a client sent; None is a field it did not send."""

    event_type = "run.updated"

    run_id: str
    status: str | None = None
    end_time_ms: int | None = None
    name: str | None = None


class RunDeleted(Event, frozen=True):
    """`experiment_revision`: as in run.created."""

    event_type = "run.deleted"
    event_version = 2

    run_id: str
    experiment_revision: int | None = None


class RunRestored(Event, frozen=True):
    """`experiment_revision`: as in run.created."""

    event_type = "run.restored"
    event_version = 2

    run_id: str
    experiment_revision: int | None = None


class RunTagDeleted(Event, frozen=True):
    event_type = "run.tag-deleted"

    run_id: str
    key: str


class RunDataLogged(Event, frozen=True):
    """Params, metric points and tags of one request: all of it holds, or, when a param conflicts, none of it."""

    event_type = "run.data-logged"

    run_id: str
    params: list[Param] = []
    metrics: list[MetricSeries] = []
    model_metrics: list[ModelMetric] = []
    tags: list[Tag] = []


class RunModelLogged(Event, frozen=True):
    """An older client noted a model that it logged: one more element of the list in the tag mlflow.log-model.history.

    `model_json` is the element, a JSON object.
    """

    event_type = "run.model-logged"

    run_id: str
    model_json: str


class RunInputsLogged(Event, frozen=True):
    event_type = "run.inputs-logged"

    run_id: str
    datasets: list[DatasetInput] = []
    model_ids: list[str] = []


class RunOutputsLogged(Event, frozen=True):
    event_type = "run.outputs-logged"

    run_id: str
    models: list[ModelOutput]


# --- stream logged-model/<id>; its own ordering unit ---------------------------------------------------------------


class LoggedModelCreated(Event, frozen=True):
    event_type = "logged-model.created"

    model_id: str
    experiment_id: int
    name: str
    artifact_location: str
    model_type: str = ""
    source_run_id: str = ""
    params: list[Param] = []
    tags: list[Tag] = []


class LoggedModelFinalized(Event, frozen=True):
    """`status` is the number of MLflow's LoggedModelStatus: 1 pending, 2 ready, 3 upload failed."""

    event_type = "logged-model.finalized"

    model_id: str
    status: int


class LoggedModelParamsLogged(Event, frozen=True):
    """More params of a logged model: all of them hold, or, when one is there already, none."""

    event_type = "logged-model.params-logged"

    model_id: str
    params: list[Param]


class LoggedModelTagsSet(Event, frozen=True):
    event_type = "logged-model.tags-set"

    model_id: str
    tags: list[Tag]


class LoggedModelTagDeleted(Event, frozen=True):
    event_type = "logged-model.tag-deleted"

    model_id: str
    key: str


class LoggedModelDeleted(Event, frozen=True):
    """The model is hidden from now on. Nothing of it is lost, it still takes writes, and nothing shows it again."""

    event_type = "logged-model.deleted"

    model_id: str


# --- stream artifact/<folder>, that of a run, a logged model or a trace; its own ordering unit ---------------------


class ArtifactUploaded(Event, frozen=True):
    """There is a new version of the artifact at `path`, below the artifacts' destination or below `root`, a URI.

    `etag` is the store's; `sha256`, in hexadecimal, is of the bytes. It is missing where the store joined parts by
    itself.
    """

    event_type = "artifact.uploaded"

    path: str
    size: int
    etag: str
    sha256: str | None = None
    root: str = ""


class ArtifactDeleted(Event, frozen=True):
    """Nothing is at `path` any more, neither an artifact nor a folder."""

    event_type = "artifact.deleted"

    path: str
    root: str = ""


AnyEvent = (
    ExperimentCreated
    | ExperimentAcknowledged
    | ExperimentRenamed
    | ExperimentDeleted
    | ExperimentRestored
    | ExperimentTagSet
    | ExperimentTagDeleted
    | RunCreated
    | RunUpdated
    | RunDeleted
    | RunRestored
    | RunTagDeleted
    | RunDataLogged
    | RunModelLogged
    | RunInputsLogged
    | RunOutputsLogged
    | LoggedModelCreated
    | LoggedModelFinalized
    | LoggedModelParamsLogged
    | LoggedModelTagsSet
    | LoggedModelTagDeleted
    | LoggedModelDeleted
    | ArtifactUploaded
    | ArtifactDeleted
)

EVENT_TYPES: Final[dict[str, type[AnyEvent]]] = {
    event.event_type: event
    for event in (
        ExperimentCreated,
        ExperimentAcknowledged,
        ExperimentRenamed,
        ExperimentDeleted,
        ExperimentRestored,
        ExperimentTagSet,
        ExperimentTagDeleted,
        RunCreated,
        RunUpdated,
        RunDeleted,
        RunRestored,
        RunTagDeleted,
        RunDataLogged,
        RunModelLogged,
        RunInputsLogged,
        RunOutputsLogged,
        LoggedModelCreated,
        LoggedModelFinalized,
        LoggedModelParamsLogged,
        LoggedModelTagsSet,
        LoggedModelTagDeleted,
        LoggedModelDeleted,
        ArtifactUploaded,
        ArtifactDeleted,
    )
}
"""Stored type name to class."""

FOLDERS_OF_AN_EXPERIMENT: Final = ("models", "traces")
"""Where an experiment keeps the artifacts of what is not a run."""

EXPERIMENTS_ORDERING_UNIT: Final = "experiments"
"""All experiment events share it: experiment names are unique across experiments, and the log's order decides."""


STREAM_KINDS: Final = ("run", "experiment", "logged-model", "artifact")
"""What a stream's name begins with, before its first slash."""


def stream_of(event: AnyEvent) -> str:
    """The stream an event belongs to, as `kind/id`."""
    match event:
        case (
            RunDataLogged()
            | RunCreated()
            | RunUpdated()
            | RunDeleted()
            | RunRestored()
            | RunTagDeleted()
            | RunModelLogged()
            | RunInputsLogged()
            | RunOutputsLogged()
        ):
            return f"run/{event.run_id}"
        case (
            LoggedModelCreated()
            | LoggedModelFinalized()
            | LoggedModelParamsLogged()
            | LoggedModelTagsSet()
            | LoggedModelTagDeleted()
            | LoggedModelDeleted()
        ):
            return f"logged-model/{event.model_id}"
        case (
            ExperimentCreated()
            | ExperimentAcknowledged()
            | ExperimentRenamed()
            | ExperimentDeleted()
            | ExperimentRestored()
            | ExperimentTagSet()
            | ExperimentTagDeleted()
        ):
            return f"experiment/{event.experiment_id}"
        case ArtifactUploaded() | ArtifactDeleted():
            return f"artifact/{artifact_folder(event.path)}"


def artifact_folder(path: str) -> str:
    """The run, logged model or trace that an artifact is of, as the beginning of its path; of other paths two names.

    Source: the layouts `<experiment>/<run>/artifacts/…` and `<experiment>/models/<model>/artifacts/…` of MLflow.
    """
    first, *rest = path.split("/", 3)
    return "/".join([first, *rest[: 2 if rest and rest[0] in FOLDERS_OF_AN_EXPERIMENT else 1]])


def ordering_unit_of(stream: str) -> str:
    """What the partition is chosen by: the stream, or the unit it shares with the streams it is ordered with."""
    return EXPERIMENTS_ORDERING_UNIT if stream.startswith("experiment/") else stream
