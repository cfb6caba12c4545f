"""`tracklog events`: the history as lines of JSON."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from tracklog.cli.refusing import Refusal
from tracklog.cli.store_options import with_event_log
from tracklog.store_uris import EventLogPlace, Stores

if TYPE_CHECKING:
    from event_log.port import EventFilter, EventLogReader

BATCH_EVENTS: Final = 500
FOLLOW_S: Final = 10.0
"""How long one wait for more events lasts before the next one begins."""


def time_us(_ctx: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Microseconds since the Unix epoch of an RFC 3339 time, or of milliseconds since then."""
    if text is None:
        return None
    if text.isdecimal():
        return int(text) * 1000
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal(
            f"{parameter.opts[0]} {text!r} is neither an RFC 3339 time nor milliseconds since 1970."
        ) from error
    if time.tzinfo is None:
        raise Refusal(f"{parameter.opts[0]} {text!r} must name its time zone, as in {text}Z.")
    return round(time.timestamp() * 1_000_000)


@click.command("events")
@with_event_log
@click.option("--stream", metavar="NAME", help="Only events of this stream, such as run/<id> or experiment/<id>.")
@click.option("--type", "event_type", metavar="TYPE", help="Only events of this type, such as run.created.")
@click.option("--actor", metavar="USER", help="Only what this user did.")
@click.option("--since", "since_us", metavar="TIME", callback=time_us, help="Only events at or after this time.")
@click.option("--until", "until_us", metavar="TIME", callback=time_us, help="Only events before this time.")
@click.option("--follow", "-f", is_flag=True, help="Go on with events as they come, until interrupted.")
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
    follow: bool,
    set_aside: bool,
) -> None:
    """Print the events of the log, oldest first, each a line of JSON.

    TIME is RFC 3339 with a time zone, or milliseconds since 1970. A server may have the log open.
    """
    from event_log.port import EventFilter, ForeignLog
    from schemas.errors import Retryable
    from tracklog.log_opening import NoLog

    wanted = EventFilter(stream=stream, event_type=event_type, actor=actor, since_us=since_us, until_us=until_us)
    try:
        if set_aside:
            asyncio.run(_print_set_aside(event_log, stores, wanted, follow=follow))
        else:
            asyncio.run(_print(event_log, wanted, follow=follow))
    except (NoLog, ForeignLog) as error:
        raise Refusal(str(error)) from error
    except Retryable as error:
        raise click.ClickException(error.message) from error
    except BrokenPipeError:
        # The reader has seen enough, as `head` does.
        raise click.exceptions.Exit(0) from None


async def _print(place: EventLogPlace, wanted: "EventFilter", *, follow: bool) -> None:
    from tracklog.log_opening import opened_reader

    out = sys.stdout.buffer
    async with opened_reader(place) as log:
        async for lines in batches(log, wanted, follow=follow):
            out.write(lines)
            out.flush()


async def _print_set_aside(place: EventLogPlace, stores: Stores | None, wanted: "EventFilter", *, follow: bool) -> None:
    import msgspec

    from event_log.port import EVERY_EVENT
    from tracklog.log_opening import opened_reader
    from tracklog.set_aside import set_aside_events

    if follow or wanted != EVERY_EVENT:
        raise Refusal("--set-aside lists all that is set aside, once; leave the other conditions out.")
    if stores is None:
        raise Refusal("--set-aside asks the read model: name it by --backend-store-uri.")
    async with opened_reader(place):
        pass  # whoever mistypes the log's name should not read that all is well
    for event in await set_aside_events(stores):
        sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")


async def batches(log: "EventLogReader", wanted: "EventFilter", *, follow: bool) -> AsyncGenerator[bytes, None]:
    """Lines of matching events, partition by partition; with `follow` also those that are still to come, for ever."""
    from schemas.event_json import event_json

    offsets = dict.fromkeys(await log.partitions(), 0)
    while True:
        end = await log.end()
        for partition in sorted(offsets):
            while events := await log.read(partition, offsets[partition], limit=BATCH_EVENTS, matching=wanted):
                offsets[partition] = events[-1].offset + 1
                yield b"".join(event_json(event) + b"\n" for event in events)
            # What does not match up to here need not be looked at again.
            offsets[partition] = max(offsets[partition], end[partition])
        if not follow:
            return
        await log.wait_for_more(end, FOLLOW_S)
