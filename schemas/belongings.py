"""What goes with an experiment when that is erased, beside its runs, logged models and traces."""

from urllib.parse import unquote

from schemas.events import (
    ERASED_BY,
    AnyBelongingErased,
    Erasure,
    EvaluationDatasetErased,
    IssueErased,
    LabelSchemaErased,
    ReviewQueueErased,
    ScorerErased,
)


def belonging_erased(stream: str, erasure: Erasure) -> AnyBelongingErased | None:
    """The event that erases a stream of that; None of a stream of another kind."""
    kind, _, key = stream.partition("/")
    match ERASED_BY.get(kind):
        case of_scorer if of_scorer is ScorerErased:
            experiment_id, _, name = key.partition("/")
            return ScorerErased(experiment_id=int(experiment_id), name=unquote(name), erasure=erasure)
        case of_issue if of_issue is IssueErased:
            return IssueErased(issue_id=key, erasure=erasure)
        case of_schema if of_schema is LabelSchemaErased:
            return LabelSchemaErased(schema_id=key, erasure=erasure)
        case of_queue if of_queue is ReviewQueueErased:
            return ReviewQueueErased(queue_id=key, erasure=erasure)
        case of_dataset if of_dataset is EvaluationDatasetErased:
            return EvaluationDatasetErased(dataset_id=key, erasure=erasure)
        case _:
            return None
