"""What webhooks are told of: the name of each event, the data of its payload, and an example of it.

MLflow's are told as MLflow tells them. It names one by a pair, an entity and an action; the name is both with a dot
between, and so are those of ours. `python -m schemas.webhook_schemas docs/webhooks` writes the JSON Schemas.

Source: MLflow 3.17 for its pairs, the names of fields and their order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec


class Data(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The data of a payload, in the order in which it is sent. A field is there also when it is null."""


class CreatedModelData(Data, frozen=True):
    """`description` is empty when there is none. Of a prompt, `tags` are without those that make it one."""

    name: str
    tags: dict[str, str]
    description: str


class CreatedModelVersionData(Data, frozen=True):
    """`source` is what the client named, with a version in the place of an alias or stage."""

    name: str
    version: str
    source: str
    run_id: str | None
    tags: dict[str, str]
    description: str | None


class CreatedPromptVersionData(Data, frozen=True):
    """`template` is the text of the prompt; a chat prompt's is the JSON of its messages.

    `tags` are without those that hold the text and the type.
    """

    name: str
    version: str
    template: str | None
    tags: dict[str, str]
    description: str | None


class ModelTagSetData(Data, frozen=True):
    name: str
    key: str
    value: str


class ModelTagDeletedData(Data, frozen=True):
    name: str
    key: str


class VersionTagSetData(Data, frozen=True):
    name: str
    version: str
    key: str
    value: str


class VersionTagDeletedData(Data, frozen=True):
    name: str
    version: str
    key: str


class AliasSetData(Data, frozen=True):
    """The alias stands for `version` from now on, whichever it stood for before."""

    name: str
    alias: str
    version: str


class AliasDeletedData(Data, frozen=True):
    name: str
    alias: str


class BudgetExceededData(Data, frozen=True):
    """`window_start` is milliseconds since the Unix epoch."""

    budget_policy_id: str
    budget_unit: str
    budget_amount: float
    current_spend: float
    duration_unit: str
    duration_value: int
    target_scope: str
    workspace: str
    target_value: str | None
    window_start: int


class UpdatedModelData(Data, frozen=True):
    """`description` is what it is from now on."""

    name: str
    description: str


class RenamedModelData(Data, frozen=True):
    """`name` is what it was called. Its versions, tags and aliases are those of `new_name` from now on."""

    name: str
    new_name: str


class DeletedModelData(Data, frozen=True):
    """Its versions, tags and aliases are gone with it; they are not told of one by one."""

    name: str


class UpdatedVersionData(Data, frozen=True):
    """`description` is what it is from now on."""

    name: str
    version: str
    description: str | None


class ChangedStageData(Data, frozen=True):
    """`archived_versions` are those that were in the stage, and were archived to make room for this one."""

    name: str
    version: str
    from_stage: str
    to_stage: str
    archived_versions: list[str]


class DeletedVersionData(Data, frozen=True):
    """Its tags and aliases are gone with it; they are not told of one by one."""

    name: str
    version: str


class EndedRunData(Data, frozen=True):
    """`start_time` and `end_time` are the client's, milliseconds since the Unix epoch."""

    run_id: str
    run_name: str
    experiment_id: str
    status: str
    start_time: int
    end_time: int | None


class DeletedExperimentData(Data, frozen=True):
    """It can be restored. Its runs are deleted with it; they are not told of one by one."""

    experiment_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """One name of what webhooks are told of. `when` says what happened; `is_mlflows`: MLflow has it too."""

    name: str
    when: str
    example: Data
    is_mlflows: bool = False

    @property
    def entity(self) -> str:
        """As the payload says it: `model_version` of model_version.created."""
        return self.name.partition(".")[0]

    @property
    def action(self) -> str:
        """As the payload says it: `created` of model_version.created."""
        return self.name.partition(".")[2]

    @property
    def mlflow_pair(self) -> tuple[str, str] | None:
        """How MLflow's routes name it, such as ("MODEL_VERSION", "CREATED"); None where it is ours alone."""
        return (self.entity.upper(), self.action.upper()) if self.is_mlflows else None


_MODEL: Final = "example_model"
_PROMPT: Final = "example_prompt"
_RUN_ID: Final = "0123456789abcdef0123456789abcdef"
_TAGS: Final = {"example_key": "example_value"}
_TEXT: Final = "An example"


def _mlflows(name: str, when: str, example: Data) -> Announcement:
    return Announcement(name, when, example, is_mlflows=True)


def _run(status: str) -> EndedRunData:
    return EndedRunData(
        run_id=_RUN_ID,
        run_name="example_run",
        experiment_id="1",
        status=status,
        start_time=1_700_000_000_000,
        end_time=1_700_000_060_000,
    )


_ALL: Final = (
    _mlflows(
        "registered_model.created",
        "A registered model was created.",
        CreatedModelData(name=_MODEL, tags=_TAGS, description=_TEXT),
    ),
    _mlflows(
        "model_version.created",
        "A version of a model was created.",
        CreatedModelVersionData(
            name=_MODEL, version="1", source="models:/m-0123", run_id=_RUN_ID, tags=_TAGS, description=_TEXT
        ),
    ),
    _mlflows(
        "model_version_tag.set",
        "A tag of a model version was set, also to the value that it had.",
        VersionTagSetData(name=_MODEL, version="1", key="example_key", value="example_value"),
    ),
    _mlflows(
        "model_version_tag.deleted",
        "A tag of a model version was deleted.",
        VersionTagDeletedData(name=_MODEL, version="1", key="example_key"),
    ),
    _mlflows(
        "model_version_alias.created",
        "An alias was given to a model version: a new one, or one that another version had.",
        AliasSetData(name=_MODEL, alias="example_alias", version="1"),
    ),
    _mlflows(
        "model_version_alias.deleted",
        "An alias of a model was deleted.",
        AliasDeletedData(name=_MODEL, alias="example_alias"),
    ),
    _mlflows(
        "prompt.created",
        "A prompt was created.",
        CreatedModelData(name=_PROMPT, tags=_TAGS, description=_TEXT),
    ),
    _mlflows(
        "prompt_version.created",
        "A version of a prompt was created.",
        CreatedPromptVersionData(name=_PROMPT, version="1", template="Hello {{name}}!", tags=_TAGS, description=_TEXT),
    ),
    _mlflows(
        "prompt_tag.set",
        "A tag of a prompt was set, also to the value that it had.",
        ModelTagSetData(name=_PROMPT, key="example_key", value="example_value"),
    ),
    _mlflows(
        "prompt_tag.deleted",
        "A tag of a prompt was deleted.",
        ModelTagDeletedData(name=_PROMPT, key="example_key"),
    ),
    _mlflows(
        "prompt_version_tag.set",
        "A tag of a prompt version was set, also to the value that it had.",
        VersionTagSetData(name=_PROMPT, version="1", key="example_key", value="example_value"),
    ),
    _mlflows(
        "prompt_version_tag.deleted",
        "A tag of a prompt version was deleted.",
        VersionTagDeletedData(name=_PROMPT, version="1", key="example_key"),
    ),
    _mlflows(
        "prompt_alias.created",
        "An alias was given to a prompt version: a new one, or one that another version had.",
        AliasSetData(name=_PROMPT, alias="example_alias", version="1"),
    ),
    _mlflows(
        "prompt_alias.deleted",
        "An alias of a prompt was deleted.",
        AliasDeletedData(name=_PROMPT, alias="example_alias"),
    ),
    _mlflows(
        "budget_policy.exceeded",
        "More was spent than a budget allows. It is told by MLflow's AI gateway, and never by Tracklog.",
        BudgetExceededData(
            budget_policy_id="bp-0123",
            budget_unit="USD",
            budget_amount=100.0,
            current_spend=105.5,
            duration_unit="MONTHS",
            duration_value=1,
            target_scope="WORKSPACE",
            workspace="default",
            target_value=None,
            window_start=1_700_000_000_000,
        ),
    ),
    Announcement(
        "registered_model.updated",
        "The description of a registered model was written, also as it was.",
        UpdatedModelData(name=_MODEL, description=_TEXT),
    ),
    Announcement(
        "registered_model.renamed",
        "A registered model has another name.",
        RenamedModelData(name=_MODEL, new_name="new_example_model"),
    ),
    Announcement("registered_model.deleted", "A registered model was deleted.", DeletedModelData(name=_MODEL)),
    Announcement(
        "registered_model_tag.set",
        "A tag of a registered model was set, also to the value that it had.",
        ModelTagSetData(name=_MODEL, key="example_key", value="example_value"),
    ),
    Announcement(
        "registered_model_tag.deleted",
        "A tag of a registered model was deleted.",
        ModelTagDeletedData(name=_MODEL, key="example_key"),
    ),
    Announcement(
        "model_version.updated",
        "The description of a model version was written, also as it was.",
        UpdatedVersionData(name=_MODEL, version="1", description=_TEXT),
    ),
    Announcement(
        "model_version.stage_changed",
        "A model version was put into a stage, also into the one in which it was.",
        ChangedStageData(
            name=_MODEL, version="2", from_stage="Staging", to_stage="Production", archived_versions=["1"]
        ),
    ),
    Announcement("model_version.deleted", "A model version was deleted.", DeletedVersionData(name=_MODEL, version="1")),
    Announcement(
        "prompt.updated",
        "The description of a prompt was written, also as it was.",
        UpdatedModelData(name=_PROMPT, description=_TEXT),
    ),
    Announcement(
        "prompt.renamed",
        "A prompt has another name.",
        RenamedModelData(name=_PROMPT, new_name="new_example_prompt"),
    ),
    Announcement("prompt.deleted", "A prompt was deleted.", DeletedModelData(name=_PROMPT)),
    Announcement(
        "prompt_version.updated",
        "The description of a prompt version was written, also as it was.",
        UpdatedVersionData(name=_PROMPT, version="1", description=_TEXT),
    ),
    Announcement(
        "prompt_version.deleted", "A prompt version was deleted.", DeletedVersionData(name=_PROMPT, version="1")
    ),
    Announcement("run.finished", "The status of a run became FINISHED.", _run("FINISHED")),
    Announcement("run.failed", "The status of a run became FAILED.", _run("FAILED")),
    Announcement("run.killed", "The status of a run became KILLED.", _run("KILLED")),
    Announcement(
        "experiment.deleted",
        "An experiment was deleted.",
        DeletedExperimentData(experiment_id="1", name="example_experiment"),
    ),
)

ANNOUNCEMENTS: Final[Mapping[str, Announcement]] = {one.name: one for one in _ALL}
"""By name."""

MLFLOW_PAIRS: Final[Mapping[tuple[str, str], Announcement]] = {
    one.mlflow_pair: one for one in _ALL if one.mlflow_pair is not None
}
"""By MLflow's entity and action, such as ("MODEL_VERSION", "CREATED")."""
