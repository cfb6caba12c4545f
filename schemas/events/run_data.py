"""The events of what is logged to a run: params, metrics, tags, inputs and outputs; in the stream of the run."""

import msgspec

from schemas.events.event import Param, Tag
from schemas.events.runs import RunEvent


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


class DatasetName(msgspec.Struct, frozen=True, gc=False):
    """What tells a dataset from the others of its experiment."""

    name: str
    digest: str


class ModelOutput(msgspec.Struct, frozen=True, gc=False):
    """A logged model that a run made at a step."""

    model_id: str
    step: int


class RunTagDeleted(RunEvent, frozen=True):
    event_type = "run.tag-deleted"

    key: str


class RunDataLogged(RunEvent, frozen=True):
    """Params, metric points and tags of one request: all of it holds, or, when a param conflicts, none of it."""

    event_type = "run.data-logged"

    params: list[Param] = []
    metrics: list[MetricSeries] = []
    model_metrics: list[ModelMetric] = []
    tags: list[Tag] = []


class RunModelLogged(RunEvent, frozen=True):
    """An older client noted a model that it logged: one more element of the list in the tag mlflow.log-model.history.

    `model_json` is the element, a JSON object.
    """

    event_type = "run.model-logged"

    model_json: str


class RunInputsLogged(RunEvent, frozen=True):
    event_type = "run.inputs-logged"

    datasets: list[DatasetInput] = []
    model_ids: list[str] = []


class RunOutputsLogged(RunEvent, frozen=True):
    event_type = "run.outputs-logged"

    models: list[ModelOutput]


class RunInputsRemoved(RunEvent, frozen=True):
    """The run did not read these. Only undoing that they were logged says so."""

    event_type = "run.inputs-removed"

    datasets: list[DatasetName] = []
    model_ids: list[str] = []


class RunOutputsRemoved(RunEvent, frozen=True):
    """The run did not make these logged models. Only undoing that they were logged says so."""

    event_type = "run.outputs-removed"

    model_ids: list[str]


class RunParamCorrected(RunEvent, frozen=True):
    """A param has another value from now on, or with None none, and `reason` says why; what was logged stays."""

    event_type = "run.param-corrected"

    key: str
    value: str | None = None
    reason: str = ""


class PointCorrection(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a point: `old` its value until now, None for a point that is added; `new` None removes it."""

    step: int
    timestamp_ms: int
    old: float | str | None
    new: float | str | None


class RunMetricCorrected(RunEvent, frozen=True):
    """Points of a metric have other values from now on, or are gone, one correction after the other.

    Each is of one point, or with `every` of all that are alike. All of it holds, or, when there is no such point, none.
    """

    event_type = "run.metric-corrected"

    key: str
    points: list[PointCorrection]
    every: bool = False
    reason: str = ""


AnyRunDataEvent = (
    RunTagDeleted
    | RunDataLogged
    | RunModelLogged
    | RunInputsLogged
    | RunOutputsLogged
    | RunInputsRemoved
    | RunOutputsRemoved
    | RunParamCorrected
    | RunMetricCorrected
)
