"""Rules of the projector child: it is told its stores whole, and where nobody else can read them."""

from pathlib import Path

import msgspec
import pytest

from tracklog.distributed.child_messages import ChildStores
from tracklog.settings.store_uris import KafkaTopic, PostgresqlDatabase, SharedStores

DATABASE = PostgresqlDatabase("postgresql://ann:se%40cret@db/tracklog?sslmode=require")


@pytest.mark.parametrize(
    "event_log",
    [DATABASE, KafkaTopic("kafka://a:9092/t", keys=DATABASE), KafkaTopic("kafka://a:9092/t", Path("k"), keys=DATABASE)],
)
def test_a_child_is_told_the_stores_of_its_parent(
    event_log: PostgresqlDatabase | KafkaTopic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("k").write_text("security.protocol=PLAINTEXT")
    stores = SharedStores(event_log, DATABASE)
    line = msgspec.json.encode(ChildStores.of(stores))
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=ChildStores).stores() == stores
