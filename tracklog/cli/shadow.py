"""`tracklog shadow`: a running Tracklog follows a live MLflow, and both are compared."""

import json
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.mapped_roots import with_mapped_roots
from tracklog.cli.remote import MLFLOW_2, OURS, Remote, RemoteAway

if TYPE_CHECKING:
    from tracklog.moving.report import Report
    from tracklog.moving.target import Target
    from tracklog.shadowing.bringing import Bringing
    from tracklog.shadowing.comparing import Ask, Read
    from tracklog.shadowing.following import Follower
    from tracklog.shadowing.source import Source
    from tracklog.shadowing.state import ShadowState

EVENTS: Final = f"{OURS}/events"

DIFFERENCES_SHOWN: Final = 50


@click.command("shadow", short_help="Follow a live MLflow, and compare its answers with ours.")
@click.argument("source", metavar="SOURCE")
@click.option(
    "--to",
    "url",
    default="http://127.0.0.1:5000",
    show_default=True,
    metavar="URL",
    help="The running Tracklog that follows; new, and written to by nobody else.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("tracklog-shadow.db"),
    show_default=True,
    metavar="FILE",
    help="What is known of the source: a shadow that stopped goes on from there.",
)
@click.option(
    "--every",
    type=click.FloatRange(0.1, 3600),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Look so often.",
)
@click.option("--once", is_flag=True, help="Stop when every run was looked at and nothing is new.")
@with_mapped_roots
@click.option("--compare", is_flag=True, help="Follow nothing: ask both the same, SOURCE being MLflow's URL.")
@click.option(
    "--reads",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --compare: recorded reads, lines of JSON with path, and query or body.",
)
@click.option(
    "--runs",
    type=click.IntRange(0, 100_000),
    default=200,
    show_default=True,
    metavar="NUMBER",
    help="With --compare: of how many runs everything is read.",
)
@click.option("--seed", type=int, default=0, show_default=True, metavar="NUMBER", help="With --compare: which runs.")
@click.option("--watch", is_flag=True, help="With --compare: again and again, until a signal.")
def command(
    *,
    source: str,
    url: str,
    state: Path,
    every: float,
    once: bool,
    map_root: tuple[tuple[str, str], ...],
    compare: bool,
    reads: Path | None,
    runs: int,
    seed: int,
    watch: bool,
) -> None:
    """Follow a live MLflow, so that a Tracklog stays a few seconds behind: SOURCE is its database, sqlite:///FILE,
    which is only read.

    With --compare ask both servers the same reads, and say whether they answer the same; then SOURCE is the URL of
    MLflow's server, and the exit code 1 where they do not. Who asks is said by the variables of MLflow's clients.
    """
    stopping = threading.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda *_: stopping.set())
    remote = Remote(url, option="--to")
    if compare:
        _compare(source, remote, reads, runs, seed, stopping, watch=watch)
    else:
        _follow(source, remote, url, state, every, map_root, stopping, once=once)


# --- following --------------------------------------------------------------------------------------------------------


def _follow(
    source: str,
    remote: Remote,
    url: str,
    state_file: Path,
    every: float,
    map_root: tuple[tuple[str, str], ...],
    stopping: threading.Event,
    *,
    once: bool,
) -> None:
    from sqlalchemy.exc import DBAPIError

    from tracklog.bringing.requests import Refused
    from tracklog.moving.report import Report
    from tracklog.moving.roots import Roots
    from tracklog.moving.stores import NoStore
    from tracklog.shadowing.bringing import Bringing
    from tracklog.shadowing.following import Follower
    from tracklog.shadowing.state import ForeignState, ShadowState

    try:
        followed = _source_of(source)
    except NoStore as error:
        raise BadUsage(f"{source}: {error}") from error
    except DBAPIError as error:
        raise BadUsage(f"{source} cannot be read: {error.orig}.") from error
    with closing(followed):
        try:
            state = ShadowState(state_file, str(followed), url)
        except ForeignState as error:
            raise BadUsage(str(error)) from error
        except sqlite3.Error as error:
            raise BadUsage(f"{state_file} cannot be used: {error}. Another shadow may have it.") from error
        report = Report(str(followed), url, dry_run=False)
        bringing = Bringing(state, str(followed), lambda body: _sent(remote, body))

        def follower() -> Follower:
            return Follower(followed, state, _target(remote, state), Roots(map_root, None), report)

        with closing(state):
            try:
                _keep_following(followed, follower, bringing, report, state, state_file, every, stopping, once=once)
            except Refused as error:
                raise click.ClickException(str(error)) from error
            except DBAPIError as error:
                raise click.ClickException(f"{followed} cannot be read: {error.orig}.") from error
            except sqlite3.Error as error:
                raise click.ClickException(f"{state_file} cannot be written: {error}.") from error


def _keep_following(
    source: "Source",
    begin: "Callable[[], Follower]",
    bringing: "Bringing",
    report: "Report",
    state: "ShadowState",
    state_file: Path,
    every: float,
    stopping: threading.Event,
    *,
    once: bool,
) -> None:
    """Round after round. One that the source broke off is forgotten, as if the shadow had been killed in it."""
    from sqlalchemy.exc import OperationalError

    follower = begin()
    told = _Telling(report, bringing.refused)
    away = False
    while not stopping.is_set():
        broken_off = False
        more, brought = False, 0
        try:
            more = source.within(follower.round)
            brought = bringing.bring()
            away = False
        except RemoteAway as error:
            if not away:
                click.echo(f"{error.message} What is new waits in {state_file}.", err=True)
            away, more = True, False
        except OperationalError as error:
            click.echo(f"{report.source} cannot be read just now: {error.orig}.", err=True)
            state.forget_uncommitted()
            follower, broken_off = begin(), True
        told.tell(brought, more=more)
        waits = away or broken_off
        if once and follower.has_swept and not (more or brought or waits):
            break
        if not more:
            stopping.wait(0 if once and not waits else every)


def _source_of(source: str) -> "Source":
    """Raises NoStore, DBAPIError and BadUsage."""
    from tracklog.moving.database_store import ServedStore, SqliteStore, database_store_of, is_database
    from tracklog.shadowing.postgresql_source import PostgresqlSource
    from tracklog.shadowing.source import SqliteSource

    if not is_database(source):
        return SqliteSource(Path(source).expanduser().absolute())
    store = database_store_of(source)
    if isinstance(store, SqliteStore):
        return SqliteSource(store.path)
    if isinstance(store, ServedStore) and store.url.get_backend_name() == "postgresql":
        return PostgresqlSource(store.url)
    raise BadUsage(f"{source.partition(':')[0]}: only databases of SQLite and PostgreSQL are followed.")


def _target(remote: Remote, state: "ShadowState") -> "Target":
    """What the Tracklog holds before the first round: the experiment 0 that each has. Raises BadUsage for more."""
    from tracklog.moving.target import Target

    target = Target(is_empty=False)
    target.created(0, "Default", imported=False)
    if state.fact("began") is None:
        asked = {"max_results": 2, "view_type": "ALL"}
        experiments = remote.change("POST", f"{MLFLOW_2}/experiments/search", **asked).get("experiments", [])
        runs = remote.change("POST", f"{MLFLOW_2}/runs/search", experiment_ids=["0"], max_results=1).get("runs", [])
        if len(experiments) > 1 or runs:
            raise BadUsage("The Tracklog has experiments or runs already, and a shadow needs a new one: start it anew.")
        state.note("began", datetime.now(UTC).isoformat())
        state.commit()
    return target


def _sent(remote: Remote, body: bytes) -> Any:
    from tracklog.bringing.requests import Refused

    status, answer = remote.answer("POST", EVENTS, {}, body, {"Content-Type": "application/json"})
    if status in (429, 500, 502, 503, 504):
        raise RemoteAway(f"The Tracklog answers {status} just now.")
    found = _json(answer)
    if status != 200 or not isinstance(found, dict):
        why = found.get("message", status) if isinstance(found, dict) else answer.decode(errors="replace")[:200]
        raise Refused(status, f"The Tracklog does not take what is new: {why or status}")
    return found


class _Telling:
    """Says what came, and each oddity once."""

    def __init__(self, report: Any, refused: list[str]) -> None:
        self._report = report
        self._refused = refused
        self._behind = False

    def tell(self, brought: int, *, more: bool) -> None:
        if brought:
            click.echo(f"{_now()}  {brought:,} events")
        for kind, where, what in self._report.oddities:
            click.echo(f"{kind}: {where}: {what}", err=True)
        self._report.oddities.clear()
        for one in self._refused:
            click.echo(f"not taken: {one}", err=True)
        self._refused.clear()
        if self._behind and not more:
            click.echo(f"{_now()}  everything is here")
        self._behind = more or (self._behind and bool(brought))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- comparing --------------------------------------------------------------------------------------------------------


def _compare(
    source: str, remote: Remote, reads: Path | None, runs: int, seed: int, stopping: threading.Event, *, watch: bool
) -> None:
    from tracklog.shadowing.comparing import compare, recorded_reads

    try:
        recorded = [] if reads is None else list(recorded_reads(reads.read_text(encoding="utf-8").splitlines()))
    except (ValueError, OSError) as error:
        raise BadUsage(f"--reads {reads}: {error}") from error
    theirs = Remote(source, option="SOURCE")
    since: str | None = None
    while True:
        began = _now()
        found = compare(_asking(theirs), _asking(remote), recorded, runs, seed, _waiting(stopping))
        for one in found.differences[:DIFFERENCES_SHOWN]:
            click.echo(one)
        again = f", {found.asked_again} times asked again" if found.asked_again else ""
        if found.differences:
            since = None
            click.echo(f"{began}  {len(found.differences):,} differences in {found.reads:,} reads{again}")
        else:
            since = since or began
            click.echo(f"equal since {since}: {found.reads:,} reads{again}")
        seed += 1
        if not watch or stopping.is_set():
            break
        stopping.wait(_WATCH_S)
    if found.differences:
        raise click.exceptions.Exit(1)


_WATCH_S: Final = 10.0
_ASKED_AGAIN_S: Final = 2.0


def _waiting(stopping: threading.Event) -> Callable[[], None]:
    def wait() -> None:
        stopping.wait(_ASKED_AGAIN_S)

    return wait


def _asking(remote: Remote) -> "Ask":
    def ask(read: "Read") -> Any:
        body = None if read.body is None else json.dumps(read.body).encode()
        method = "GET" if body is None else "POST"
        status, answer = remote.answer(method, read.path, read.query, body, {"Content-Type": "application/json"})
        found = _json(answer)
        if not isinstance(found, dict):
            return {"status": status, "error_code": ""}
        return found if status == 200 else {"status": status, "error_code": str(found.get("error_code", ""))}

    return ask


def _json(answer: bytes) -> Any:
    """None where it is no JSON: a proxy in between may answer what it wants."""
    try:
        return json.loads(answer)
    except ValueError:
        return None
