"""A claim tells one actor's one event from every other."""

from itertools import combinations

from schemas.claims import claim_of
from schemas.envelope import Actor
from schemas.events import ExperimentCreated, Tag

ANN = Actor("ann", "192.0.2.1", "mlflow")
EVENT = ExperimentCreated(experiment_id=1, name="e", artifact_location="a", tags=[Tag("k", "v")])


def test_the_same_actor_and_event_give_the_same_claim_and_others_another() -> None:
    others = [
        claim_of(Actor("bob", "192.0.2.1", "mlflow"), EVENT),
        claim_of(Actor("ann", "192.0.2.2", "mlflow"), EVENT),
        claim_of(Actor("ann", "192.0.2.1", "curl"), EVENT),
        claim_of(Actor("ann192.0.2.1", "", "mlflow"), EVENT),
        claim_of(ANN, ExperimentCreated(experiment_id=1, name="e", artifact_location="a")),
        claim_of(ANN, ExperimentCreated(experiment_id=2, name="e", artifact_location="a", tags=EVENT.tags)),
    ]
    assert claim_of(ANN, EVENT) == claim_of(Actor("ann", "192.0.2.1", "mlflow"), EVENT)
    assert all(one != other for one, other in combinations([claim_of(ANN, EVENT), *others], 2))


def test_a_header_that_is_not_utf_8_is_no_obstacle() -> None:
    assert claim_of(Actor(user_agent="\udcff"), EVENT)
