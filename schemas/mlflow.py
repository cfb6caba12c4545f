"""MLflow's names and numbers that several services need."""

from typing import Final

LEAST_INT64: Final = -(2**63)
LARGEST_INT64: Final = 2**63 - 1
"""Of the whole numbers in MLflow's messages, and in both databases."""

DEFAULT_EXPERIMENT_ID: Final = 0
"""Where stock clients log when they name no experiment."""

RUN_NAME_TAG: Final = "mlflow.runName"
"""A run's name is this tag as well, and whichever is written changes both."""

MODEL_HISTORY_TAG: Final = "mlflow.log-model.history"
"""Of a run: a JSON list of the models that older clients logged in it."""

RUN_STATUSES: Final = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""RunStatus, by number."""

NEW_RUN_STATUS: Final = RUN_STATUSES[1]

LOGGED_MODEL_STATUSES: Final = {
    1: "LOGGED_MODEL_PENDING",
    2: "LOGGED_MODEL_READY",
    3: "LOGGED_MODEL_UPLOAD_FAILED",
}
"""LoggedModelStatus, by number, without its 0, 'unspecified', which is the status of no model."""

NEW_LOGGED_MODEL_STATUS: Final = 1

MODEL_VERSION_STAGES: Final = ("None", "Staging", "Production", "Archived")
"""The stages of a model version, as they are kept and answered."""

NEW_MODEL_VERSION_STAGE: Final = "None"
ARCHIVED: Final = "Archived"

ISSUE_STATUSES: Final = ("pending", "resolved", "rejected")
"""Of an issue; a new one has the first unless it says otherwise."""
ISSUE_SEVERITIES: Final = ("not_an_issue", "low", "medium", "high")
"""Of an issue, which need not have one; the worst last."""

REVIEW_STATUSES: Final = ("PENDING", "COMPLETE", "DECLINED")
"""Of an item of a review queue, a new one first."""

USER_TAG: Final = "mlflow.user"
"""Who something is of, as a client says in a tag."""

IS_PROMPT_TAG: Final = "mlflow.prompt.is_prompt"
"""A registered model is a prompt while it has this tag with the value `true`: see `is_prompt_marker`."""

PROMPT_TYPE_TAG: Final = "_mlflow_prompt_type"
PROMPT_TEXT_TAG: Final = "mlflow.prompt.text"
"""Of a version of a prompt: whether it is a text or a chat, and its template."""

PROMPT_SOURCES: Final = ("dummy-source", "prompt-template")
"""What a version that is a prompt has in the place of a source: it has no files.

Source: MLflow's client and page write the first, its server library the second.
"""

MODEL_VERSIONS_TAG: Final = "mlflow.modelVersions"
"""Of a logged model: a JSON list of the versions that were made from it, each `{"name": …, "version": …}`."""

ACTIVE: Final = "active"
DELETED: Final = "deleted"


def lifecycle_stage(active: bool) -> str:
    """The lifecycle stage of a run, an experiment or a logged model, in answers and in columns alike."""
    return ACTIVE if active else DELETED


def is_prompt_marker(key: str, value: str) -> bool:
    """Whether a tag makes a prompt of a registered model. The letter case of its value does not matter."""
    return key == IS_PROMPT_TAG and value.lower() == "true"
