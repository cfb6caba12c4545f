"""Whoever waits for the read model in PostgreSQL hears of it, whatever was missed, lost or replaced."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from read_model.postgresql_connections import PostgresqlReadModelConnections
from read_model.postgresql_progress import PostgresqlProgress
from read_model.progress import ProjectionBehind
from schemas.envelope import Position
from schemas.errors import InvalidParameterValue, ResourceAlreadyExists
from schemas.postgresql import FLUSH_CHANNEL, PROGRESS_CHANNEL
from tests.eventually import AT_MOST_S, until
from tests.live_read_model import commit, make_live

WAL_WRITER_WAITS_FOR = "SELECT max(wait_event) FROM pg_stat_activity WHERE backend_type = 'walwriter'"
EXISTS = ("RESOURCE_ALREADY_EXISTS", "there is one")


class Following:
    """A progress that listens, its connections, and a connection on which the test plays the projector."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.generation = 0
        self.connections = PostgresqlReadModelConnections(dsn, size=2)
        self.progress = PostgresqlProgress(dsn, self.connections)
        self.projector: Any = None

    async def start(self) -> None:
        self.generation = await make_live(self.dsn)
        self.projector = await asyncpg.connect(self.dsn)
        self.progress.start()
        await self.until_well()

    async def until_well(self) -> None:
        await until(lambda: self.progress.missing is None)

    async def awaited(self, count: int = 1) -> None:
        """Return when so many wait for the read model: what comes then wakes them, and was not there before."""
        await until(lambda: self.progress._waiters._present >= count)

    async def heard(self, *checkpoints: tuple[int, int]) -> None:
        """Return when the progress knows of these checkpoints."""
        await until(lambda: all(self.progress.report().checkpoint.get(one) == offset for one, offset in checkpoints))

    async def commit(self, checkpoints: dict[int, int], *arguments: Any, **options: Any) -> None:
        await commit(self.projector, self.generation, checkpoints, *arguments, **options)

    async def end_listening(self) -> None:
        """End the session that listens, as a network that breaks does."""
        await self.projector.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'tracklog' AND pid <> pg_backend_pid()"
        )

    async def close(self) -> None:
        await self.progress.close()
        await self.connections.close()
        if self.projector is not None:
            self.projector.terminate()


async def one_statement(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def wal_writer_sleeps(connection: Any) -> None:
    """Return when PostgreSQL's writer of its log sleeps, for as long as `wal_writer_delay` is."""
    async with asyncio.timeout(AT_MOST_S):
        while await connection.fetchval(WAL_WRITER_WAITS_FOR) != "WalWriterMain":
            await asyncio.sleep(0.01)


@pytest.fixture
async def following(postgresql_database: str) -> AsyncIterator[Following]:
    following = Following(postgresql_database)
    await following.start()
    yield following
    await following.close()


class TestWaiting:
    async def test_a_commit_wakes_whoever_it_passed(self, following: Following) -> None:
        waiting = asyncio.create_task(following.progress.wait_until({0: 5}, 60))
        further = asyncio.create_task(following.progress.wait_until({0: 6}, 60))
        await following.awaited(2)
        await following.commit({0: 5})
        await waiting
        assert not further.done()
        await following.commit({0: 6})
        await further
        assert following.progress.report().checkpoint == {0: 6}

    async def test_every_partition_named_must_be_reached(self, following: Following) -> None:
        waiting = asyncio.create_task(following.progress.wait_until({0: 5, 3: 2, 4: 0}, 60))
        await following.awaited()
        await following.commit({3: 2})
        await following.heard((3, 2))
        assert not waiting.done()
        await following.commit({0: 9})
        await waiting

    async def test_who_waits_too_long_is_told_how_far_it_is(self, following: Following) -> None:
        await following.commit({0: 4})
        await following.heard((0, 4))
        with pytest.raises(ProjectionBehind, match="at 0:4 and did not reach 0:5"):
            await following.progress.wait_until({0: 5}, 0)

    async def test_a_commit_whose_notification_was_lost_is_found(
        self, following: Following, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await following.commit({0: 5}, set_aside=0, tell=False)
        await following.progress.wait_until({0: 5}, 60)

    async def test_the_commits_of_another_read_model_say_nothing(self, following: Following) -> None:
        building = await make_live(following.dsn)
        again = await make_live(following.dsn)
        await until(lambda: following.connections.generation == again)
        await commit(following.projector, building, {0: 100})
        await commit(following.projector, again, {1: 1})
        await following.heard((1, 1))
        assert following.progress.report().checkpoint == {1: 1}

    async def test_what_is_not_a_commit_is_passed_over(self, following: Following) -> None:
        await following.projector.execute(f"NOTIFY {PROGRESS_CHANNEL}, 'hello'")
        await following.commit({0: 1})
        await following.progress.wait_until({0: 1}, 60)


class TestVerdicts:
    async def test_an_event_that_holds_has_none(self, following: Following) -> None:
        await following.commit({0: 5}, {(0, 3): EXISTS})
        assert await following.progress.verdict(Position(0, 4), 60) is None

    async def test_a_refused_event_has_the_error_its_writer_is_owed(self, following: Following) -> None:
        deciding = asyncio.create_task(following.progress.verdict(Position(0, 3), 60))
        await following.awaited()
        await following.commit({0: 5}, {(0, 3): EXISTS, (0, 4): ("INVALID_PARAMETER_VALUE", "no")})
        error = await deciding
        assert isinstance(error, ResourceAlreadyExists)
        assert error.message == "there is one"
        assert isinstance(await following.progress.verdict(Position(0, 4), 60), InvalidParameterValue)

    async def test_more_refusals_than_are_notified_are_looked_up(self, following: Following) -> None:
        await following.commit({0: 5}, {(0, 3): EXISTS}, too_many=True)
        assert isinstance(await following.progress.verdict(Position(0, 3), 60), ResourceAlreadyExists)
        assert await following.progress.verdict(Position(0, 4), 60) is None

    async def test_more_refusals_than_are_kept_are_looked_up(
        self, following: Following, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("read_model.postgresql_progress._KEPT_REFUSALS", 1)
        await following.commit({0: 5}, {(0, one): EXISTS for one in range(3)})
        for one in range(3):
            assert isinstance(await following.progress.verdict(Position(0, one), 60), ResourceAlreadyExists)

    async def test_commits_that_were_not_heard_are_looked_up(self, following: Following) -> None:
        await following.end_listening()
        await following.commit({0: 5}, {(0, 3): EXISTS})
        await following.until_well()
        assert isinstance(await following.progress.verdict(Position(0, 3), 60), ResourceAlreadyExists)
        assert await following.progress.verdict(Position(0, 4), 60) is None

    async def test_an_event_that_holds_costs_no_question(self, following: Following) -> None:
        await following.commit({0: 5})
        await following.progress.wait_until({0: 5}, 60)
        await following.connections.close()
        async with following.connections.acquire(), following.connections.acquire():
            assert await following.progress.verdict(Position(0, 4), 60) is None


class TestFlushing:
    async def test_waiters_request_one_flush_until_the_projectors_commit(self, following: Following) -> None:
        requests: list[str] = []
        await following.projector.add_listener(FLUSH_CHANNEL, lambda *heard: requests.append(heard[3]))
        waiting = [asyncio.create_task(following.progress.wait_until({0: 1 + one // 10}, 60)) for one in range(20)]
        await following.awaited(20)
        await until(lambda: len(requests) == 1)
        await following.commit({0: 1})
        await until(lambda: len(requests) == 2)
        await following.commit({0: 2})
        await asyncio.gather(*waiting)
        assert await self.all_of(requests, following) == 2

    async def test_no_flush_is_requested_for_what_is_there(self, following: Following) -> None:
        requests: list[str] = []
        await following.commit({0: 5})
        await following.progress.wait_until({0: 5}, 60)
        await following.projector.add_listener(FLUSH_CHANNEL, lambda *heard: requests.append(heard[3]))
        await following.progress.wait_until({0: 5}, 60)
        assert await self.all_of(requests, following) == 0

    async def all_of(self, requests: list[str], following: Following) -> int:
        """How many there are, once one that is sent now, after all others, has been heard."""
        await following.projector.execute(f"NOTIFY {FLUSH_CHANNEL}, 'the last'")
        await until(lambda: "the last" in requests)
        return len(requests) - 1


class TestAnotherReadModel:
    async def test_connections_have_moved_before_anybody_is_woken(self, following: Following) -> None:
        await following.commit({0: 3})
        waiting = asyncio.create_task(following.progress.wait_until({0: 5}, 60))
        await following.awaited()
        second = await make_live(following.dsn, "INSERT INTO checkpoints VALUES (0, 5);")
        await waiting
        assert following.connections.generation == second
        assert following.progress.report().checkpoint == {0: 5}

    async def test_commits_right_after_the_switch_are_heard(self, following: Following) -> None:
        following.generation = await make_live(following.dsn)
        for one in range(1, 30):
            await following.commit({0: one}, {(0, one - 1): EXISTS})
        assert isinstance(await following.progress.verdict(Position(0, 28), 60), ResourceAlreadyExists)

    async def test_one_that_comes_into_being_later_is_found(self, postgresql_database: str) -> None:
        following = Following(postgresql_database)
        following.progress.start()
        none = "There is no read model of this version yet; a projector makes it."
        await until(lambda: following.progress.missing == none)
        waiting = asyncio.create_task(following.progress.wait_until({0: 1}, 60))
        await make_live(postgresql_database, "INSERT INTO checkpoints VALUES (0, 1);")
        await waiting
        assert following.progress.missing is None
        await following.close()

    async def test_what_was_set_aside_is_counted(self, following: Following) -> None:
        await following.commit({0: 1}, set_aside=2)
        await following.progress.wait_until({0: 1}, 60)
        assert following.progress.report().set_aside == 2


class TestOutages:
    async def test_a_session_that_ends_is_made_anew_and_nothing_is_missed(self, following: Following) -> None:
        waiting = asyncio.create_task(following.progress.wait_until({0: 5}, 60))
        await following.awaited()
        await following.end_listening()
        await following.commit({0: 5}, tell=False)
        await waiting

    async def test_while_postgresql_is_away_nobody_waits(self, own_postgresql: Any) -> None:
        following = Following(own_postgresql.url)
        await following.start()
        await following.commit({0: 3})
        await following.progress.wait_until({0: 3}, 60)
        waiting = asyncio.create_task(following.progress.wait_until({0: 5}, 600))
        await following.awaited()
        own_postgresql.kill()
        async with asyncio.timeout(60):
            with pytest.raises(ProjectionBehind, match="cannot be reached"):
                await waiting
            with pytest.raises(ProjectionBehind, match="cannot be reached"):
                await following.progress.verdict(Position(0, 7), 600)
        assert "cannot be reached" in (following.progress.missing or "")
        own_postgresql.start()
        await following.until_well()
        await following.close()

    async def test_commits_that_a_crash_lost_are_waited_for_anew(self, own_postgresql: Any) -> None:
        await one_statement(own_postgresql.url, "ALTER SYSTEM SET wal_writer_delay = '10s'")
        own_postgresql.kill()
        own_postgresql.start()
        following = Following(own_postgresql.url)
        await following.start()
        await following.commit({0: 3})
        await following.projector.execute("SET synchronous_commit = off")
        await wal_writer_sleeps(following.projector)
        await following.commit({0: 8})
        await following.progress.wait_until({0: 8}, 60)
        own_postgresql.kill()
        own_postgresql.start()
        await following.heard((0, 3))
        await following.until_well()
        assert following.progress.report().checkpoint == {0: 3}
        with pytest.raises(ProjectionBehind):
            await following.progress.wait_until({0: 8}, 0)
        following.projector = await asyncpg.connect(own_postgresql.url)
        waiting = asyncio.create_task(following.progress.wait_until({0: 8}, 60))
        await following.commit({0: 8})
        await waiting
        await following.close()

    async def test_closing_lets_nobody_hang(self, following: Following) -> None:
        waiting = asyncio.create_task(following.progress.wait_until({0: 5}, 600))
        await following.awaited()
        await following.progress.close()
        with contextlib.suppress(ProjectionBehind):
            await asyncio.wait_for(waiting, 60)
        assert waiting.done()
