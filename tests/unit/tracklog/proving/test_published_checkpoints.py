"""Checkpoints are kept elsewhere, too, once a minute at most; a place that is away holds up nothing."""

from pathlib import Path

import pytest

from tracklog.proving.published_checkpoints import EVERY_S, PublishedCheckpoints, publishing


def kept(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*.checkpoint"))


async def test_the_newest_is_kept_when_it_is_due(tmp_path: Path) -> None:
    now_s = 1000.0
    async with publishing(tmp_path.as_uri(), "log-1") as opened:
        assert opened is not None
        published = PublishedCheckpoints(opened._store, "log-1", lambda: now_s)
        for size in (5, 7, 9):
            published.add(0, size, f"note {size}")
            await published.publish()
        published.add(1, 3, "other partition")
        await published.publish()
        assert kept(tmp_path) == ["tracklog/log-1/0/5.checkpoint", "tracklog/log-1/1/3.checkpoint"]
        now_s += EVERY_S
        await published.publish()
        await published.publish()
    assert kept(tmp_path) == [f"tracklog/log-1/{name}.checkpoint" for name in ("0/5", "0/9", "1/3")]
    assert (tmp_path / "tracklog/log-1/0/9.checkpoint").read_text() == "note 9"


async def test_what_cannot_be_kept_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    now_s = 1000.0
    (tmp_path / "tracklog").write_text("in the way")
    async with publishing(tmp_path.as_uri(), "log-1") as opened:
        assert opened is not None
        published = PublishedCheckpoints(opened._store, "log-1", lambda: now_s)
        published.add(0, 5, "note")
        for _ in range(3):
            await published.publish()
            now_s += EVERY_S
        assert [record.message.split(":")[0] for record in caplog.records] == [
            "checkpoints cannot be put where they are to be kept"
        ]
        (tmp_path / "tracklog").unlink()
        await published.publish()
    assert kept(tmp_path) == ["tracklog/log-1/0/5.checkpoint"]


async def test_without_a_place_nothing_is_kept() -> None:
    async with publishing(None, "log-1") as published:
        assert published is None
