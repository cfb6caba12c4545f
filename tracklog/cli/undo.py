"""`tracklog undo`: what happened on a server is undone, once its plan was shown."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.diff import printable
from tracklog.cli.events import known_stream
from tracklog.cli.remote import OURS, Remote, with_remote
from tracklog.cli.times import TIMES_HELP, time_us

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@click.command(
    "undo",
    short_help="Undo an event, a request, what a user did, or go back to a moment.",
    help=f"""Undo what happened on a server: EVENT, by its id or its place in the log as in 0:1234, or what options say.

The plan is shown first, and asked about. Nothing is removed from the history: what is undone is undone by new
events, which may be undone in turn. {TIMES_HELP}
""",
)
@click.argument("event", required=False)
@click.option("--request", "request_id", metavar="ID", help="What one request did, by its X-Request-Id.")
@click.option("--actor", metavar="USER", help="What this user did, from --since on.")
@click.option("--since", "since_us", metavar="TIME", callback=time_us, help="Only what happened at or after this time.")
@click.option("--until", "until_us", metavar="TIME", callback=time_us, help="Only what happened before this time.")
@click.option(
    "--stream",
    metavar="NAME",
    callback=known_stream,
    help="What happened to this run, experiment or registered model, back to the moment --to.",
)
@click.option("--to", "to_us", metavar="TIME", callback=time_us, help="The moment to which --stream goes back.")
@click.option("--over-later", is_flag=True, help="Also what was changed again later.")
@click.option("--yes", is_flag=True, help="Undo without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan alone, as JSON; with --yes what was undone.")
@with_remote
def command(
    *,
    remote: Remote,
    event: str | None,
    since_us: int | None,
    until_us: int | None,
    to_us: int | None,
    yes: bool,
    as_json: bool,
    **given: Any,
) -> None:
    times = (("since", since_us), ("until", until_us), ("to", to_us))
    selected = {name: value for name, value in (("event", event), *given.items()) if value}
    if not selected.keys() - {"over_later"}:
        raise BadUsage("Say what is to be undone: EVENT, --request, --actor or --stream.")
    selected |= {name: _moment(at_us) for name, at_us in times if at_us is not None}
    plan = remote.change("POST", f"{OURS}/undo/plan", **selected)
    if as_json and not yes:
        click.echo(json.dumps(plan))
        return
    if not as_json:
        click.echo(plan_text(plan))
    if not plan["changes"]:
        raise click.exceptions.Exit(0 if as_json else 1)
    if not yes:
        click.confirm("Undo this?", abort=True)
    answer = remote.change("POST", f"{OURS}/undo", digest=plan["digest"], **selected)
    if as_json:
        click.echo(json.dumps(answer))
        return
    for one in answer["undone"]:
        click.echo(printable(f"{one['type']} {one['partition']}:{one['offset']} {one['stream']}"))
    for one in answer["refused"]:
        click.echo(printable(f"refused: {one['stream']}: {one['message']}"))


def plan_text(plan: Any) -> str:
    """A plan as people read it: a stream, its fields below it; then what is left out."""
    lines: list[str] = []
    stream = None
    for one in plan["changes"]:
        if one["stream"] != stream:
            stream = one["stream"]
            lines.append(stream)
        lines.append(f"  {one['field']}: {one['shown']['from']} -> {one['shown']['to']}")
    if not lines:
        lines.append("Nothing would change.")
    for one in plan["left_out"]:
        where = " ".join(part for part in (one.get("stream"), one.get("field")) if part)
        events = f" ({one['count']} event{'s' if one['count'] != 1 else ''})" if one["count"] else ""
        lines.append(f"not undone: {where + ': ' if where else ''}{one['reason']}{events}")
    if any(one.get("later") for one in plan["left_out"]):
        lines.append("--over-later undoes also what was changed again later.")
    return "\n".join(map(printable, lines))


def _moment(at_us: int) -> str:
    """RFC 3339 in UTC."""
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat()
