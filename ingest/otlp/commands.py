"""The command that logs the spans of a request."""

import asyncio
from collections.abc import Sequence

from ingest.admission.known_entities import KnownEntities
from ingest.experiments.lookups import EXPERIMENTS
from ingest.experiments.state import require_active_experiment
from ingest.log_writer import LogWriter
from ingest.otlp.spans import Gathered
from ingest.traces.lookups import TRACES
from ingest.traces.state import KnownTrace
from schemas.envelope import Actor
from schemas.errors import InvalidParameterValue
from schemas.events import AnyEvent, TraceLinkedToRun, TraceSpansLogged
from schemas.messages.experiments import experiment_id_of
from schemas.traces import MAX_SPANS_OF_TRACE


class OtlpCommands:
    def __init__(self, writer: LogWriter, known: KnownEntities) -> None:
        self._writer = writer
        self._known = known

    async def known(self, gathered: Gathered) -> Sequence[KnownTrace]:
        """Those of the traces that there are, as far as the read model is. Raises TemporarilyUnavailable."""
        if not gathered.traces:
            return ()
        return await self._known.lookups.all(TRACES, list(gathered.traces))

    async def log(
        self,
        gathered: Gathered,
        known: Sequence[KnownTrace],
        experiment_id: str,
        run_id: str,
        actor: Actor,
        request_id: str,
    ) -> None:
        """Log the spans, those of new traces in the experiment. Return when all are durable.

        A trace is there whole, or not at all. When the request fails some of its traces may be logged: whoever sends it
        again changes nothing about these.
        Raises InvalidParameterValue, ResourceDoesNotExist, and as LogWriter.append does.
        """
        known_of = {trace.trace_id: trace for trace in known}
        header = experiment_id_of(experiment_id)
        experiment_of = {
            trace_id: known_of[trace_id].experiment_id if trace_id in known_of else header
            for trace_id in gathered.traces
        }
        for one in set(experiment_of.values()):
            require_active_experiment(await self._known.existing(EXPERIMENTS, one))
        events = list(gathered.events(experiment_of))
        for event in events:
            before = known_of.get(event.trace_id)
            if (before.span_count if before else 0) + len(event.spans) > MAX_SPANS_OF_TRACE:
                raise InvalidParameterValue(f"A trace may have at most {MAX_SPANS_OF_TRACE} spans.")
        linked = set(gathered.with_roots()) if run_id else set()
        await asyncio.gather(
            *(
                self._writer.append_all(_of_trace(event, run_id if event.trace_id in linked else ""), actor, request_id)
                for event in events
            )
        )


def _of_trace(event: TraceSpansLogged, run_id: str) -> list[AnyEvent]:
    return [event, TraceLinkedToRun(trace_id=event.trace_id, run_id=run_id)] if run_id else [event]
