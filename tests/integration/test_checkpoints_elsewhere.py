"""Checkpoints in a bucket whose objects are locked outlast whoever has the server, with its key and credentials."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from event_log.proof.note import PrivateKey
from event_log.sqlite.copy import filling_sqlite_log, identity_of
from event_log.sqlite.event_log import SqliteEventLog, SqliteEventLogReader
from schemas.envelope import PARTITION, RecordedEvent
from tests.contracts.event_log_contract import everything, param
from tests.services.s3_bucket import fresh_bucket_name
from tracklog.proving.key_file import GivenKey
from tracklog.proving.prover import Prover
from tracklog.proving.published_checkpoints import EVERY_S, PublishedCheckpoints, publishing
from tracklog.proving.sqlite_proof_store import SqliteProofStore
from tracklog.proving.verification import verify

KEY, STRANGER = PrivateKey("tracklog", b"1" * 32), PrivateKey("tracklog", b"2" * 32)

pytestmark = pytest.mark.service


@pytest.fixture
def locked_bucket(s3_admin: Any) -> Iterator[str]:
    """A bucket in which each version of an object stays for a day."""
    name = fresh_bucket_name()
    s3_admin.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    s3_admin.put_object_lock_configuration(
        Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention}
    )
    yield name
    found = s3_admin.list_object_versions(Bucket=name)
    for one in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
        s3_admin.delete_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"], BypassGovernanceRetention=True)
    s3_admin.delete_bucket(Bucket=name)


def versions(s3_admin: Any, bucket: str) -> dict[str, str]:
    """What the bucket keeps, the oldest version of each object, by its name."""
    found = s3_admin.list_object_versions(Bucket=bucket)["Versions"]
    oldest = {one["Key"]: one["VersionId"] for one in sorted(found, key=lambda one: one["LastModified"], reverse=True)}
    return {
        key: s3_admin.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read().decode()
        for key, version in oldest.items()
    }


class Server:
    """A log in a file, and what is signed of it, here and elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.db"
        self.proof = folder / "log.proof"

    async def grow(self, count: int) -> str:
        with ThreadPoolExecutor(1) as executor:
            writer = SqliteEventLog.open(self.path, executor)
            for number in range(count):
                await writer.append([param(number, "p")])
            await writer.close()
        return identity_of(self.path)

    async def sign(self, published: PublishedCheckpoints | None = None) -> None:
        log_id = identity_of(self.path)
        log, store = SqliteEventLogReader(self.path), SqliteProofStore(self.proof, log_id)
        await Prover(log, log_id, store, GivenKey(KEY.text()), lambda: {PARTITION}, published=published).round()
        await store.close()
        await log.close()

    async def write_anew(self, events: list[RecordedEvent]) -> None:
        """As who has the server does: with checksums, proofs and signatures that fit."""
        log_id = identity_of(self.path)
        self.path.unlink()
        with filling_sqlite_log(self.path, log_id) as copy:
            await copy.add(events)
        for file in self.proof.parent.glob("log.proof*"):
            file.unlink()
        await self.sign()

    async def events(self) -> list[RecordedEvent]:
        log = SqliteEventLogReader(self.path)
        found = await everything(log)
        await log.close()
        return found

    async def found(self, *given: str) -> list[tuple[str, int | None]]:
        log, store = SqliteEventLogReader(self.path), SqliteProofStore(self.proof, identity_of(self.path))
        report = await verify(log, store, given, frozenset({KEY.public}), lambda _done, _all: None)
        await store.close()
        await log.close()
        return [(one.kind.value, one.offset) for one in report.findings]


async def test_what_lies_in_a_locked_bucket_is_neither_replaced_nor_removed_and_tells(
    tmp_path: Path, s3_service: Any, s3_admin: Any, locked_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_service.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_service.secret_key)
    server = Server(tmp_path)
    log_id = await server.grow(30)
    now_s = 0.0
    async with publishing(f"s3://{locked_bucket}/audit?endpoint={s3_service.url}", log_id) as opened:
        assert opened is not None
        published = PublishedCheckpoints(opened._store, log_id, lambda: now_s)
        await server.sign(published)
        await published.publish()
        await server.grow(30)
        now_s = EVERY_S
        await server.sign(published)
        await published.publish()
    names = [f"audit/tracklog/{log_id}/0/{size}.checkpoint" for size in (30, 60)]
    kept = versions(s3_admin, locked_bucket)
    assert sorted(kept) == names
    assert await server.found(*kept.values()) == []

    # Whoever has the server's credentials can put something over an object, or hide it, and not take it away.
    forged = STRANGER.sign(kept[names[0]].partition("\n\n")[0] + "\n")
    s3_admin.put_object(Bucket=locked_bucket, Key=names[0], Body=forged.encode())
    s3_admin.delete_object(Bucket=locked_bucket, Key=names[1])
    for one in s3_admin.list_object_versions(Bucket=locked_bucket)["Versions"]:
        with pytest.raises(ClientError, match=r"AccessDenied|WORM"):
            s3_admin.delete_object(Bucket=locked_bucket, Key=one["Key"], VersionId=one["VersionId"])
    assert versions(s3_admin, locked_bucket) == kept
    assert await server.found(forged) == [("key replaced", None)]
    assert await server.found(kept[names[0]].replace("\n30\n", "\n31\n")) == [("checkpoint forged", None)]

    # Who has the key, too, signs another history, or an older state; what was kept contradicts it.
    events = await server.events()
    changed = [replace(one, payload=b'{"run_id":"0"}') if one.offset == 40 else one for one in events]
    await server.write_anew(changed)
    assert await server.found() == []
    assert await server.found(*kept.values()) == [("tree changed", None), ("not what was signed", 30)]
    await server.write_anew(events[:30])
    assert await server.found() == []
    assert await server.found(*kept.values()) == [("shorter than a checkpoint", 30), ("tree changed", None)]
