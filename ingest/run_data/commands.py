"""The commands about the data of a run.

Each takes a request message, the actor and the id of the request, and answers with JSON. What is wrong in any state is
refused before the run is looked up. Raises ResourceDoesNotExist when there is no such run, InvalidParameterValue when
it is deleted, and what KnownEntities and LogWriter raise.
"""

from collections.abc import Mapping

from ingest.admission.known_entities import KnownEntities
from ingest.answers import EMPTY
from ingest.experiments.lookups import EXPERIMENTS
from ingest.log_writer import LogWriter
from ingest.logged_models.lookups import LOGGED_MODELS
from ingest.run_data import content, decisions
from ingest.run_data.content import RunData
from ingest.run_data.lookups import MODEL_OUTPUTS, PARAM, PARAMS, RUN_TAG
from ingest.runs.lookups import RUNS
from ingest.runs.state import KnownRun, require_active_run, with_params, without_info
from schemas.envelope import Actor
from schemas.messages.run_data import (
    DeleteTag,
    LogInputs,
    LogMetric,
    LogModel,
    LogOutputs,
    LogParam,
    PlainLogBatch,
    SetTag,
)


class RunDataCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities) -> None:
        self._writer = writer
        self._known = known

    async def log_metric(self, command: LogMetric, actor: Actor, request_id: str) -> bytes:
        """One point of a metric, of a logged model too when it names one. Answered when durable.

        Raises InvalidParameterValue for a bad key, value, time or half a dataset, BadRequest for an unknown model.
        """
        return await self._log(command.run, content.metric(command), actor, request_id)

    async def log_param(self, command: LogParam, actor: Actor, request_id: str) -> bytes:
        """One param, for good. Answered when projected; one that has this value already leaves no event.

        Raises InvalidParameterValue for a bad key, or when the param has another value.
        """
        return await self._log(command.run, content.param(command), actor, request_id)

    async def set_tag(self, command: SetTag, actor: Actor, request_id: str) -> bytes:
        """Set a tag, or the run's name by its tag; an empty name leaves no event. Answered when durable.

        Raises InvalidParameterValue for a bad key.
        """
        return await self._log(command.run, content.tag(command), actor, request_id)

    async def log_batch(self, command: PlainLogBatch, actor: Actor, request_id: str) -> bytes:
        """Points, params and tags, all of them or none. Answered when durable, with params when projected.

        Params that have their values already are left out, and a batch of nothing else leaves no event.
        Raises what `log_metric`, `log_param` and `set_tag` raise, and InvalidParameterValue when there is too much.
        """
        return await self._log(command.run_id, content.batch(command), actor, request_id)

    async def delete_tag(self, command: DeleteTag, actor: Actor, request_id: str) -> bytes:
        """Delete a tag that is set. Answered when durable.

        Waits for the projection first, for tags are answered before they are projected. Raises ResourceDoesNotExist.
        """
        run = await self._known.existing(RUNS, command.run_id)
        experiment = await self._known.existing(EXPERIMENTS, run.experiment_id)
        require_active_run(run, experiment)  # before the wait
        await self._known.catch_up()
        is_set = await self._known.lookups.one(RUN_TAG, run.run_id, command.key) is not None
        await self._writer.append(decisions.delete_tag(command.key, run, experiment, is_set=is_set), actor, request_id)
        return EMPTY

    async def log_model(self, command: LogModel, actor: Actor, request_id: str) -> bytes:
        """Note a model that an older client logged, in a tag of the run. Answered when projected.

        Raises InvalidParameterValue for what is no model, or when the tag is full.
        """
        model_json = content.model_json(command)
        run = await self._known.existing(RUNS, command.run_id)
        experiment = await self._known.existing(EXPERIMENTS, run.experiment_id)
        await self._writer.append_and_wait(decisions.log_model(model_json, run, experiment), actor, request_id)
        return EMPTY

    async def log_inputs(self, command: LogInputs, actor: Actor, request_id: str) -> bytes:
        """Datasets and models that the run read; none leave no event. Answered when durable.

        Raises InvalidParameterValue for a missing model id or key of a tag, BadRequest for a tag given twice.
        """
        inputs = content.inputs(command)
        run = await self._known.existing(RUNS, command.run_id)
        experiment = await self._known.existing(EXPERIMENTS, run.experiment_id)
        event = decisions.log_inputs(inputs, run, experiment)
        if event is not None:
            await self._writer.append(event, actor, request_id)
        return EMPTY

    async def log_outputs(self, command: LogOutputs, actor: Actor, request_id: str) -> bytes:
        """Models that the run made; none leave no event. Answered when projected.

        Raises InvalidParameterValue for a missing model id, BadRequest for a model that is an output already.
        """
        models = content.outputs(command)
        run = await self._known.existing(RUNS, command.run_id)
        experiment = await self._known.existing(EXPERIMENTS, run.experiment_id)
        known: list[str] = []
        if models:
            require_active_run(run, experiment)  # before a lookup, which may have to wait
            model_ids = [model.model_id for model in models]
            known = await self._known.lookups.all(MODEL_OUTPUTS, run.run_id, model_ids)
        event = decisions.log_outputs(models, run, experiment, known)
        if event is not None:
            await self._writer.append_and_wait(event, actor, request_id)
        return EMPTY

    async def _log(self, run_id: str, data: RunData, actor: Actor, request_id: str) -> bytes:
        run = await self._known.existing(RUNS, run_id)
        experiment = await self._known.existing(EXPERIMENTS, run.experiment_id)
        if data.model_metrics or data.params:
            require_active_run(run, experiment)  # before lookups, which may have to wait
        model_ids = await self._model_ids(data) if data.model_metrics else ()
        params = await self._params(run, data) if data.params else decisions.NO_PARAMS
        event = decisions.log_data(data, run, experiment, params, model_ids)
        if event is None:
            return EMPTY
        if event.tags and decisions.may_rename(event):
            self._known.amend(RUNS, run_id, without_info)
        if event.params:
            if run.has_no_params:
                self._known.amend(RUNS, run_id, with_params)
            await self._writer.append_and_wait(event, actor, request_id)
        else:
            await self._writer.append(event, actor, request_id)
        return EMPTY

    async def _params(self, run: KnownRun, data: RunData) -> Mapping[str, str]:
        """Those of the run among the keys of `data`."""
        if run.has_no_params:
            return decisions.NO_PARAMS
        keys = [param.key for param in data.params]
        if len(keys) == 1:
            return dict(await self._known.lookups.all(PARAM, run.run_id, keys[0]))
        return dict(await self._known.lookups.all(PARAMS, run.run_id, keys))

    async def _model_ids(self, data: RunData) -> list[str]:
        """The logged models that exist among those which metrics name, up to the first that does not."""
        found: list[str] = []
        for model_id in dict.fromkeys(metric.model_id for metric in data.model_metrics):
            if await self._known.find(LOGGED_MODELS, model_id) is None:
                break
            found.append(model_id)
        return found
