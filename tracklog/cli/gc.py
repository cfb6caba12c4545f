"""`tracklog gc`: what is deleted is erased for good, once it was shown."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from tracklog.cli.artifact_options import with_artifacts
from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.remote import OURS, Remote
from tracklog.cli.store_options import with_stores
from tracklog.settings.process import ArtifactSettings
from tracklog.settings.store_uris import EmbeddedStores, Stores

if TYPE_CHECKING:
    from ingest.erasures.commands import ErasureCommands

SHOWN: Final = 20
"""Of what is to be erased, and of what is left out, in a plan as text."""

LOOK_S: Final = 1.0
"""Between two looks at how far a server is."""

_IDS: Final = ("run_ids", "experiment_ids", "logged_model_ids")

Ask = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Asks for one of `plan`, `erase` and `carry-out`, and returns the answer."""


@click.command(
    "gc",
    short_help="Erase for good what is deleted.",
    help="""Erase for good what is deleted: runs, logged models, experiments with what is in them, and their artifacts.

Everything that is deleted, or only what is named. It is shown first, and asked about. What is erased does not come
back: its rows, its artifacts and, where the log is in SQLite or PostgreSQL, what its events held are removed. That they
were there, when and by whom they were erased, and why, stays.
""",
)
@click.option(
    "--older-than", default="", metavar="TIME", help="Only what was deleted so long ago, such as 30d or 1d2h3m4s."
)
@click.option("--run-ids", default="", metavar="IDS", help="Only these runs, with commas between.")
@click.option("--experiment-ids", default="", metavar="IDS", help="Only these experiments, with commas between.")
@click.option("--logged-model-ids", default="", metavar="IDS", help="Only these logged models, with commas between.")
@click.option("--reason", default="", metavar="TEXT", help="Why; it stays in the history.  [asked for]")
@click.option("--without-artifacts", is_flag=True, help="Also what has artifacts that are not reached; those stay.")
@click.option("--with-registered", is_flag=True, help="Also what holds the files of registered model versions.")
@click.option("--dry-run", is_flag=True, help="Show what would be erased, and end.")
@click.option("--yes", is_flag=True, help="Erase without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON, and with --yes what was erased.")
@click.option(
    "--url",
    "--tracking-uri",
    metavar="URL",
    help="Have this server do it.  [default: this process does, which needs the stores to be stopped, or shared]",
)
@with_stores
@with_artifacts
def command(
    *,
    stores: Stores,
    artifacts: ArtifactSettings,
    url: str | None,
    run_ids: str,
    experiment_ids: str,
    logged_model_ids: str,
    reason: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **given: Any,
) -> None:
    asked = {
        **given,
        "run_ids": _ids(run_ids),
        "experiment_ids": _ids(experiment_ids),
        "logged_model_ids": _ids(logged_model_ids),
    }
    if url is not None:
        remote = Remote(url)
        paths = {
            "plan": f"{OURS}/erasures/plan",
            "erase": f"{OURS}/erasures",
            "carry-out": f"{OURS}/erasures/carry-out",
        }
        _erase(
            lambda what, body: dict(remote.change("POST", paths[what], **body)), asked, reason, dry_run, yes, as_json
        )
        return
    with _Running(stores, artifacts) as ask:
        _erase(ask, asked, reason, dry_run, yes, as_json)


def _ids(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _erase(ask: Ask, asked: dict[str, Any], reason: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    plan = _plan(ask, asked)
    if as_json and not yes:
        click.echo(json.dumps(plan))
        return
    if not as_json:
        click.echo(plan_text(plan))
    if dry_run:
        return
    if plan["erased"] and not yes:
        click.confirm("Erase this for good?", abort=True)
    if plan["erased"] and not reason:
        if yes:
            raise BadUsage("--reason: say why; it is all that is left to tell.")
        reason = click.prompt("Why")
    erased, refused = 0, 0
    while plan["erased"]:
        answer = ask("erase", {**asked, "digest": plan["digest"], "reason": reason})
        erased, refused = erased + len(answer["erased"]), refused + len(answer["refused"])
        for one in answer["refused"]:
            click.echo(f"refused: {one['stream']}: {one['message']}", err=True)
        click.echo(f"{erased} erased", err=True)
        if answer["is_whole"] or not _goes_on(asked, plan, answer):
            break
        plan = _plan(ask, asked)
    state = _carried_out(ask)
    if as_json:
        click.echo(json.dumps({"erased": erased, "refused": refused, **state}))
    if not state["forgets_payloads"] and erased:
        click.echo(
            "The log is in Kafka, whose records cannot be changed, and not sealed: what the events held stays there.",
            err=True,
        )
    if refused:
        raise click.exceptions.Exit(1)


def _plan(ask: Ask, asked: dict[str, Any]) -> dict[str, Any]:
    """The next plan that erases something, if there is one, with everything that was left out on the way there."""
    left_out: list[dict[str, Any]] = []
    while True:
        plan = ask("plan", asked)
        new = plan["left_out"]
        left_out += new
        if plan["erased"] or plan["is_whole"] or not new:
            return {**plan, "left_out": left_out}
        _leave_out(asked, [f"{one['kind']}/{one['id']}" for one in new])


def _goes_on(asked: dict[str, Any], plan: dict[str, Any], answer: dict[str, Any]) -> bool:
    """Ask for what is left, without what was refused or left out; False where that is nothing."""
    tried = {one["stream"] for one in (*answer["erased"], *answer["refused"])}
    done = {stream.partition("/")[2] for stream in tried}
    is_named = any(asked[ids] for ids in _IDS)
    for ids in _IDS:
        asked[ids] = [one for one in asked[ids] if one not in done]
    if is_named and not any(asked[ids] for ids in _IDS):
        return False  # a plan that names nothing would be one of everything
    left_out = [f"{one['kind']}/{one['id']}" for one in plan["left_out"]]
    _leave_out(asked, [*left_out, *(one["stream"] for one in answer["refused"])])
    return bool(tried)


def _leave_out(asked: dict[str, Any], streams: list[str]) -> None:
    asked["leave_out"] = list(dict.fromkeys([*asked.get("leave_out", ()), *streams]))


def _carried_out(ask: Ask) -> dict[str, Any]:
    """Wait until artifacts and payloads are gone; ClickException where something stands in the way."""
    while True:
        state = ask("carry-out", {})
        if not state["pending"]:
            return state
        if state["trouble"]:
            raise click.ClickException(
                f"{state['pending']} erasures are not carried out yet: {state['trouble']} They are carried on when the"
                " server runs, or by this command."
            )
        click.echo(f"{state['pending']} erasures are being carried out", err=True)
        time.sleep(LOOK_S)


def plan_text(plan: dict[str, Any]) -> str:
    """A plan as people read it."""
    lines = [f"{one['kind']} {one['id']} {json.dumps(one['name'])}, deleted {one['deleted']}" for one in plan["erased"]]
    if len(lines) > SHOWN:
        lines[SHOWN:] = [f"and {len(lines) - SHOWN} more"]
    if not plan["erased"]:
        lines.append("Nothing would be erased.")
    if not plan["is_whole"]:
        lines.append("There is more, which comes after these.")
    left_out = [f"not erased: {one['kind']} {one['id']}: {one['reason']}" for one in plan["left_out"]]
    if len(left_out) > SHOWN:
        left_out[SHOWN:] = [f"not erased: {len(left_out) - SHOWN} more"]
    return "\n".join([*lines, *left_out])


class _Running:
    """The commands in this process, for a synchronous command."""

    def __init__(self, stores: Stores, artifacts: ArtifactSettings) -> None:
        self._runner = asyncio.Runner()
        self._context = _erasing(stores, artifacts)
        self._erasures: ErasureCommands | None = None

    def __enter__(self) -> Ask:
        from event_log.port import ForeignLog, LogInUse
        from tracklog.cli.log_reading import NoLog
        from tracklog.serving.services import CannotStart

        self._runner.__enter__()
        try:
            self._erasures = self._runner.run(self._context.__aenter__())
        except LogInUse as error:
            raise BadUsage(f"{error} Have the server erase, by --url.") from error
        except (NoLog, ForeignLog, CannotStart) as error:
            raise BadUsage(str(error)) from error
        return self._ask

    def __exit__(self, *error: object) -> None:
        self._runner.run(self._context.__aexit__(None, None, None))
        self._runner.close()

    def _ask(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        from schemas.errors import TracklogError

        try:
            return dict(json.loads(self._runner.run(self._answer(what, body))))
        except TracklogError as error:
            raise click.ClickException(error.message) from error

    async def _answer(self, what: str, body: dict[str, Any]) -> bytes:
        import uuid

        import msgspec

        from schemas.envelope import SYSTEM
        from schemas.messages.erasures import CarryOutErasures, Erase, PlanErasure

        erasures = self._erasures
        assert erasures is not None
        if what == "plan":
            return await erasures.plan(msgspec.convert(body, PlanErasure))
        if what == "erase":
            return await erasures.erase(msgspec.convert(body, Erase), SYSTEM, str(uuid.uuid4()))
        await erasures.carry_out_now()
        return await erasures.carry_out(CarryOutErasures())


@asynccontextmanager
async def _erasing(stores: Stores, artifacts: ArtifactSettings) -> AsyncIterator["ErasureCommands"]:
    """Raises NoLog, LogInUse, ForeignLog and CannotStart."""
    if isinstance(stores, EmbeddedStores):
        from tracklog.cli.log_reading import require_log
        from tracklog.embedded.erasing import erasing_embedded

        require_log(stores.event_log.path)
        async with erasing_embedded(stores.event_log.path, artifacts) as erasures:
            yield erasures
    else:
        from tracklog.distributed.erasing import erasing_shared

        async with erasing_shared(stores, artifacts) as erasures:
            yield erasures
