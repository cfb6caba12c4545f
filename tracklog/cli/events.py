"""`tracklog events`: the history as lines of JSON."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, TypeAlias

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.remote import Remote
from tracklog.cli.remote_events import live, pages
from tracklog.cli.store_options import with_event_log
from tracklog.cli.times import TIMES_HELP, now_us, time_us
from tracklog.settings.store_uris import EmbeddedStores, EventLogPlace, Stores

if TYPE_CHECKING:
    from event_log.port import EventFilter, EventLogReader
    from schemas.envelope import RecordedEvent

Render: TypeAlias = "Callable[[Sequence[RecordedEvent]], bytes]"
"""Makes bytes of the next events."""

BATCH_EVENTS: Final = 500
FOLLOW_S: Final = 10.0
"""How long one wait for more events lasts before the next one begins."""


SETTLED_US: Final = 2_000_000
"""Events are stamped before they are in the log: so long after a moment no more of before it are to come."""


def known_type(_ctx: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    """The name of a type of events. Raises BadUsage for any other."""
    from schemas.events import EVENT_TYPES

    if name is not None and name not in EVENT_TYPES:
        raise BadUsage(f"{parameter.opts[0]} {name!r} is no type of events; there are {', '.join(EVENT_TYPES)}.")
    return name


def known_stream(_ctx: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    """The name of a stream that may be there. Raises BadUsage for one that cannot."""
    from schemas.events import STREAM_KINDS

    if name is not None and (name.partition("/")[0] not in STREAM_KINDS or not name.partition("/")[2]):
        kinds = ", ".join(f"{kind}/…" for kind in STREAM_KINDS)
        raise BadUsage(f"{parameter.opts[0]} {name!r} is no name of a stream; there are {kinds}.")
    return name


def types_that_begin_with(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """For the completion of the shell."""
    from schemas.events import EVENT_TYPES

    return [name for name in EVENT_TYPES if name.startswith(typed)]


@click.command(
    "events",
    short_help="Print the events of the log.",
    help=f"""Print the events of the log, oldest first, each a line of JSON.

A log of several partitions is printed partition by partition. A server may have the log open. {TIMES_HELP}
""",
)
@with_event_log
@click.option(
    "--stream",
    metavar="NAME",
    callback=known_stream,
    help="Only events of this stream, such as run/<id> or experiment/<id>.",
)
@click.option(
    "--type",
    "event_type",
    metavar="TYPE",
    callback=known_type,
    shell_complete=types_that_begin_with,
    help="Only events of this type, such as run.created.",
)
@click.option("--actor", metavar="USER", help="Only what this user did.")
@click.option("--experiment", metavar="ID", help="Only of this experiment, its runs, logged models and artifacts.")
@click.option("--run", metavar="ID", help="Only of this run and its artifacts.")
@click.option("--model", metavar="NAME", help="Only of this registered model; with --url under its former names too.")
@click.option("--artifact", metavar="PATH", help="Only of this artifact, or of what is in this folder.")
@click.option("--request", "request_id", metavar="ID", help="Only of this request, by its X-Request-Id.")
@click.option("--field", metavar="FIELD", help="Only what touched params.KEY, metrics.KEY, tags.KEY or aliases.KEY.")
@click.option("--value", metavar="VALUE", help="Only what wrote this value into --field.")
@click.option("--url", metavar="URL", help="Ask this server, which finds events by its index, and not a log.")
@click.option(
    "--order", type=click.Choice(["oldest", "newest"]), default="oldest", help="With --url: which come first."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv", "parquet"]),
    default="jsonl",
    help="Lines of JSON, with --url also CSV, or one file of Parquet.",
)
@click.option("--since", "since_us", metavar="TIME", callback=time_us, help="Only events at or after this time.")
@click.option("--until", "until_us", metavar="TIME", callback=time_us, help="Only events before this time.")
@click.option("--limit", type=click.IntRange(min=1), metavar="NUMBER", help="At most so many events, the oldest.")
@click.option(
    "--follow", "-f", is_flag=True, help="Go on with events as they come, to --until or --limit, or until interrupted."
)
@click.option(
    "--set-aside", is_flag=True, help="Instead, the events that the read model could not fold, and why: each a line."
)
def command(
    event_log: EventLogPlace,
    stores: Stores | None,
    stream: str | None,
    event_type: str | None,
    actor: str | None,
    since_us: int | None,
    until_us: int | None,
    limit: int | None,
    follow: bool,
    set_aside: bool,
    url: str | None,
    order: str,
    form: str,
    **more: str | None,
) -> None:
    from event_log.port import EventFilter, ForeignLog
    from schemas.errors import TracklogError
    from tracklog.cli.log_reading import NoLog

    if since_us is not None and until_us is not None and since_us >= until_us:
        raise BadUsage("--since is not before --until, so there is nothing between them.")
    asked = asked_for(stream=stream, type=event_type, actor=actor, **more)
    if form == "parquet" and (follow or set_aside):
        raise BadUsage("--format parquet is one file, whose end --follow never reaches and --set-aside does not have.")
    if url is not None:
        times = {"since": since_us, "until": until_us}
        asked |= {name: str(at_us // 1000) for name, at_us in times.items() if at_us is not None}
        _print_remote(Remote(url), asked, limit, order, form, follow=follow)
        return
    if order != "oldest" or form == "csv":
        raise BadUsage("--order and --format csv are for --url.")
    is_found = _scan(asked) if any(more.values()) else None
    if is_found is not None:
        stream = event_type = actor = None
    wanted = EventFilter(stream=stream, event_type=event_type, actor=actor, since_us=since_us, until_us=until_us)
    try:
        if set_aside:
            asyncio.run(_print_set_aside(event_log, stores, wanted, limit, follow=follow))
        else:
            asyncio.run(_print(event_log, wanted, limit, is_found, form, follow=follow))
    except (NoLog, ForeignLog) as error:
        raise BadUsage(str(error)) from error
    except TracklogError as error:
        raise click.ClickException(error.message) from error
    except BrokenPipeError:
        # The reader has seen enough, as `head` does.
        raise click.exceptions.Exit(0) from None


def asked_for(**given: str | None) -> dict[str, str]:
    """The parameters of the history's route, by what the options are called."""
    names = {"experiment": "experiment_id", "run": "run_id"}
    return {names.get(name, name): value for name, value in given.items() if value is not None}


def _scan(asked: dict[str, str]) -> "Callable[[RecordedEvent], bool]":
    """What says of each event of a log whether it is asked for. Raises BadUsage."""
    from query_api.history.request import wanted_of_one_name
    from query_api.history.scan import Scan
    from schemas.errors import InvalidParameterValue
    from schemas.messages.history import HistoryFilter

    types = [asked["type"]] if "type" in asked else []
    others = {name: value for name, value in asked.items() if name != "type"}
    try:
        return Scan(wanted_of_one_name(HistoryFilter(type=types, **others))).finds
    except InvalidParameterValue as error:
        raise BadUsage(error.message) from error


def _print_remote(
    remote: Remote, asked: dict[str, str], limit: int | None, order: str, form: str, *, follow: bool
) -> None:
    from schemas.errors import TracklogError

    out = sys.stdout.buffer
    found = live(remote, asked, limit) if follow else pages(remote, {**asked, "order": order}, limit, form)
    if form == "parquet":
        from query_api.history.parquet import one_file

        found = one_file(found)
    try:
        for lines in found:
            out.write(lines)
            out.flush()
    except TracklogError as error:
        raise click.ClickException(error.message) from error
    except BrokenPipeError:
        raise click.exceptions.Exit(0) from None


async def _print(
    place: EventLogPlace,
    wanted: "EventFilter",
    limit: int | None,
    is_found: "Callable[[RecordedEvent], bool] | None",
    form: str,
    *,
    follow: bool,
) -> None:
    from tracklog.cli.log_reading import reading_log

    out = sys.stdout.buffer
    render, end = _in_parquet() if form == "parquet" else (lines_of, bytes)
    async with (
        reading_log(place) as log,
        aclosing(batches(log, wanted, follow=follow, limit=limit, is_found=is_found, render=render)) as printed,
    ):
        async for lines in printed:
            out.write(lines)
            out.flush()
    out.write(end())
    out.flush()
    if follow and limit is None:
        click.echo("No more events can come before --until.", err=True)


def lines_of(events: "Sequence[RecordedEvent]") -> bytes:
    """A line of JSON each."""
    from schemas.event_json import event_json

    return b"".join(event_json(event) + b"\n" for event in events)


def _in_parquet() -> "tuple[Render, Callable[[], bytes]]":
    """What makes bytes of events, and the last bytes. Raises NotImplementedYet without pyarrow."""
    from query_api.history.parquet import EventsInParquet

    file = EventsInParquet()
    return file.add, file.end


async def _print_set_aside(
    place: EventLogPlace, stores: Stores | None, wanted: "EventFilter", limit: int | None, *, follow: bool
) -> None:
    import msgspec

    from event_log.port import EVERY_EVENT
    from read_model.set_aside import set_aside_in_postgresql, set_aside_in_sqlite
    from tracklog.cli.log_reading import reading_log

    if follow or limit is not None or wanted != EVERY_EVENT:
        raise BadUsage("--set-aside lists all that is set aside, once; leave the other conditions out.")
    if stores is None:
        raise BadUsage("--set-aside asks the read model: name it by --backend-store-uri.")
    async with reading_log(place):
        pass  # a mistyped name of the log must not read as if all were well
    if isinstance(stores, EmbeddedStores):
        set_aside = set_aside_in_sqlite(stores.event_log.path)
    else:
        set_aside = await set_aside_in_postgresql(stores.read_model.dsn)
    for event in set_aside:
        sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")


async def batches(
    log: "EventLogReader",
    wanted: "EventFilter",
    *,
    follow: bool,
    limit: int | None = None,
    now_us: Callable[[], int] = now_us,
    is_found: "Callable[[RecordedEvent], bool] | None" = None,
    render: "Render" = lines_of,
) -> AsyncGenerator[bytes, None]:
    """Matching events as `render` has them, partition by partition, at most `limit`.

    `is_found` is asked of each that matches, in the order of its partition, and may leave it out.
    With `follow` also those that are still to come: for ever, or until none of before `wanted.until_us` can.
    """
    left = sys.maxsize if limit is None else limit
    last_us = None if wanted.until_us is None else wanted.until_us + SETTLED_US
    offsets = dict.fromkeys(await log.partitions(), 0)
    while True:
        is_last = not follow or (last_us is not None and now_us() >= last_us)
        end = await log.end()
        for partition in sorted(offsets):
            while events := await log.read(
                partition,
                offsets[partition],
                limit=BATCH_EVENTS if is_found is not None else min(BATCH_EVENTS, left),
                matching=wanted,
            ):
                offsets[partition] = events[-1].offset + 1
                if is_found is not None:
                    events = [event for event in events if is_found(event)][:left]
                left -= len(events)
                yield render(events)
                if not left:
                    return
            # What does not match up to here need not be looked at again.
            offsets[partition] = max(offsets[partition], end[partition])
        if is_last:
            return
        await log.wait_for_more(end, FOLLOW_S if last_us is None else _at_most(FOLLOW_S, last_us - now_us()))


def _at_most(bound_s: float, rest_us: int) -> float:
    """What is left, in seconds, within `bound_s`."""
    return min(bound_s, max(rest_us, 0) / 1_000_000)
