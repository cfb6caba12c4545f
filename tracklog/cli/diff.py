"""`tracklog diff`: what changed between two moments, and who changed it."""

import json
from collections.abc import Iterator
from typing import Any, Final

import click

from tracklog.cli.remote import OURS, Remote, with_remote
from tracklog.settings.past import MOMENT_HELP

KINDS: Final = {
    "run": "run_id",
    "experiment": "experiment_id",
    "registered-model": "registered_model",
    "user": "username",
}
"""What may be compared, and how a request names it."""


@click.command("diff", short_help="Say what changed in a run, an experiment, a model or the rights of a user.")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("which", metavar="ID")
@click.option("--from", "begin", required=True, metavar="MOMENT", help=f"The earlier moment: {MOMENT_HELP}.")
@click.option("--to", "end", default="0s", metavar="MOMENT", help="The later moment.  [default: now]")
@click.option("--json", "as_json", is_flag=True, help="Print the answer of the server instead, as one line of JSON.")
@with_remote
def command(*, remote: Remote, kind: str, which: str, begin: str, end: str, as_json: bool) -> None:
    """Ask a server what is otherwise than it was, field by field, with the events that made it so.

    ID is that of a run or of an experiment, or the name of a registered model or a user, of whom the rights are
    compared.
    """
    answer = remote.get(f"{OURS}/diff", **{KINDS[kind]: which, "from": begin, "to": end})
    if as_json:
        click.echo(json.dumps(answer))
        return
    for line in lines(answer):
        click.echo(line)


def lines(answer: Any) -> Iterator[str]:
    """The answer for people: a line for each difference, and below it one for each event."""
    yield f"from {answer['from']} to {answer['to']}"
    for one in answer["differences"]:
        yield f"{printable(one['field'])}: {_value(one['before'])} -> {_value(one['after'])}"
        if "earlier" in one:
            yield f"    {one['earlier']} earlier changes"
        for event in one["events"]:
            actor = event["actor"]
            count = f", and {event['count'] - 1} that follow" if "count" in event else ""
            address = f" from {actor['address']}" if actor["address"] else ""
            yield (
                f"    {event['time']}  {event['type']} by {printable(actor['user'])}{address}"
                f"  ({event['partition']}:{event['offset']}{count})"
            )
    if not answer["differences"]:
        yield "nothing is otherwise"


def _value(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)


def printable(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in text)
