"""What an event is about beside its stream."""

from schemas.events import (
    AnyEvent,
    EvaluationDatasetCreated,
    EvaluationDatasetExperimentsAdded,
    EvaluationDatasetRestored,
    IssueCreated,
    LabelSchemaCreated,
    LoggedModelCreated,
    ReviewQueueCreated,
    RunCreated,
    TraceSpansLogged,
    TraceStarted,
)
from schemas.events.scorers import ScorerEvent


def experiments_of(event: AnyEvent) -> list[int]:
    """The experiments that something is put into."""
    match event:
        case (
            RunCreated()
            | LoggedModelCreated()
            | TraceStarted()
            | TraceSpansLogged()
            | ScorerEvent()
            | IssueCreated()
            | LabelSchemaCreated()
            | ReviewQueueCreated()
        ):
            return [event.experiment_id]
        case EvaluationDatasetCreated() | EvaluationDatasetRestored() | EvaluationDatasetExperimentsAdded():
            return event.experiment_ids
        case _:
            return []
