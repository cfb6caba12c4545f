"""The commands about scorers.

Each takes a request message, the actor and the id of the request, and answers with JSON when its event is projected.
Raises InvalidParameterValue, ResourceDoesNotExist for an experiment or scorer that there is not, and what KnownEntities
and LogWriter raise.
"""

import uuid

import orjson

from ingest.admission.known_entities import KnownEntities
from ingest.answers import EMPTY
from ingest.experiments.lookups import EXPERIMENTS
from ingest.experiments.state import KnownExperiment
from ingest.log_writer import LogWriter, in_the_log
from ingest.scorers import decisions
from ingest.scorers.lookups import SCORER_ID, SCORER_VERSION
from schemas.documents.scorers import online_config
from schemas.envelope import Actor
from schemas.messages.experiments import experiment_id_of
from schemas.messages.scorers import (
    DeleteScorer,
    RegisterScorer,
    ScorerMessage,
    SetOnlineScoringConfig,
    scorer_not_found,
)


class ScorerCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities) -> None:
        self._writer = writer
        self._known = known

    async def register(self, command: RegisterScorer, actor: Actor, request_id: str) -> bytes:
        """A version with the next number, of a new scorer where the experiment has none of that name."""
        decisions.check_name(command.name)
        decisions.check_serialized(command.serialized_scorer)
        experiment = await self._experiment(command)
        event = decisions.register(command, experiment, str(uuid.uuid4()), uuid.uuid4().hex)
        stamped = await self._writer.append_and_wait(event, actor, request_id)
        with in_the_log():
            made = await self._known.look_up(SCORER_VERSION, event.version_id)
        if made is None:  # deleted again already
            raise scorer_not_found(event.experiment_id, event.name)
        return orjson.dumps(
            {
                "version": made.version,
                "scorer_id": made.scorer_id,
                "experiment_id": str(event.experiment_id),
                "name": event.name,
                "serialized_scorer": event.serialized_scorer,
                "creation_time": stamped.time_us // 1000,
            }
        )

    async def delete(self, command: DeleteScorer, actor: Actor, request_id: str) -> bytes:
        """Delete a version for good, or without a number the whole scorer."""
        event = decisions.delete(command, await self._experiment(command))
        if await self._known.look_up(SCORER_ID, event.stream_key) is None:
            raise scorer_not_found(event.experiment_id, event.name, event.version)
        await self._writer.append_and_wait(event, actor, request_id)
        return EMPTY

    async def set_online_config(self, command: SetOnlineScoringConfig, actor: Actor, request_id: str) -> bytes:
        """Say how a scorer is to be scored online. Nothing is: no server executes scorers."""
        event = decisions.set_online_config(command, await self._experiment(command), uuid.uuid4().hex)
        scorer_id = await self._known.look_up(SCORER_ID, event.stream_key)
        if scorer_id is None:
            raise scorer_not_found(event.experiment_id, event.name)
        await self._writer.append_and_wait(event, actor, request_id)
        config = online_config(
            event.online_scoring_config_id, scorer_id, event.sample_rate, event.experiment_id, event.filter_string
        )
        return orjson.dumps({"config": config})

    async def _experiment(self, command: ScorerMessage) -> KnownExperiment:
        return await self._known.existing(EXPERIMENTS, experiment_id_of(command.experiment_id))
