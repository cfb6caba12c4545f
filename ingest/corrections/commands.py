"""The command that corrects what was logged to a run: clients see what is corrected, the log keeps what was."""

from operator import itemgetter
from typing import Final

from ingest.admission.known_entities import KnownEntities
from ingest.admission.lookups import Lookup
from ingest.answers import EMPTY
from ingest.corrections import decisions
from ingest.experiments.lookups import EXPERIMENTS
from ingest.log_writer import LogWriter
from ingest.run_data.lookups import PARAMS
from ingest.runs.lookups import RUNS
from ingest.runs.state import with_params
from schemas.envelope import Actor
from schemas.messages.corrections import CorrectRun

_POINTS: Final[Lookup[int]] = Lookup(
    "SELECT points FROM latest_metrics WHERE run_number = (SELECT run_number FROM runs WHERE run_id = $1) AND key = $2",
    itemgetter(0),
)
"""How many points a metric has."""


class CorrectionCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities) -> None:
        self._writer = writer
        self._known = known

    async def correct(self, command: CorrectRun, actor: Actor, request_id: str) -> bytes:
        """Correct params and points of metrics. Answered when projected.

        The events are appended together, and each holds or does not: of a metric of which a point is not there nothing
        is corrected, and the answer is that error. Raises ResourceDoesNotExist for a run, param or metric that is not
        there, InvalidParameterValue for a deleted run or a point that is not there, and what KnownEntities and
        LogWriter raise.
        """
        metrics = decisions.check(command)
        run = await self._known.existing(RUNS, command.run_id)
        experiment = await self._known.existing(EXPERIMENTS, run.experiment_id)
        await self._known.catch_up()
        keys = [param.key for param in command.params]
        params = dict(await self._known.lookups.all(PARAMS, run.run_id, keys)) if keys else {}
        corrected = decisions.correct_params(command, run, experiment, params)
        for metric in metrics:
            points = await self._known.lookups.one(_POINTS, run.run_id, metric.key)
            decisions.check_length(metric.key, points, run.run_id)
        if corrected or metrics:
            self._known.amend(RUNS, run.run_id, with_params)
            for _, _, refusal in await self._writer.append_together([*corrected, *metrics], actor, request_id):
                if refusal is not None:
                    raise refusal
        return EMPTY
