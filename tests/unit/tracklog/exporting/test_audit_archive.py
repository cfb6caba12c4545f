"""An auditor's archive proves what it holds to a stranger, and what was tampered with in it is found and named."""

import base64
import hashlib
import shutil
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from event_log.memory_event_log import MemoryEventLog
from event_log.port import EventLog
from event_log.proof.note import PrivateKey
from event_log.sealing.known_keys import KnownStreamKeys
from event_log.sealing.memory_stream_keys import MemoryStreamKeys
from event_log.sealing.sealed_log import SealedLog
from event_log.streams import SearchingStreamReader
from schemas.events import (
    AnyEvent,
    ArtifactUploaded,
    LoggedModelCreated,
    ModelOutput,
    ModelVersionCreated,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelRenamed,
    RunOutputsLogged,
)
from schemas.forgotten import forgotten
from tests.services.sumdb import said
from tests.unit.projector.histories import RUNS, created, envelope, experiment, metric, param
from tracklog.cli.commands import tracklog
from tracklog.exporting.audit_archive import AuditArchive, Signed
from tracklog.exporting.audit_verification import verify_archive
from tracklog.exporting.lineage import Lineage, NoSubject
from tracklog.exporting.stored_proofs import StoredProofs
from tracklog.proving.key_file import GivenKey
from tracklog.proving.prover import Prover
from tracklog.proving.sqlite_proof_store import SqliteProofStore

KEY, STRANGER = PrivateKey("tracklog", b"1" * 32), PrivateKey("tracklog", b"2" * 32)
RUN, OTHER = RUNS[0], RUNS[1]

HISTORY: list[AnyEvent] = [
    experiment(),
    created(RUN),
    created(OTHER),
    metric(step=1, value="NaN"),
    param("lr", "0.1"),
    ArtifactUploaded(path=f"0/{RUN}/artifacts/a.txt", size=3, etag="e", sha256="5" * 64),
    LoggedModelCreated(
        model_id="m-1", experiment_id=0, name="m", artifact_location="mlflow-artifacts:/0/models/m-1/artifacts"
    ),
    RunOutputsLogged(run_id=RUN, models=[ModelOutput("m-1", 1)]),
    RegisteredModelCreated(name="old", registered_model_id="1"),
    ModelVersionCreated(name="old", version_id="v", source="s", storage_location="l", run_id=OTHER),
    RegisteredModelRenamed(name="old", new_name="new"),
    ModelVersionCreated(name="new", version_id="w", source="s", storage_location="l", logged_model_id="m-1"),
    RegisteredModelAliasSet(name="new", alias="champion", version=2),
]


class SignedLog:
    """A log that is signed to its end."""

    def __init__(self, folder: Path, *, seals: bool = False) -> None:
        self.raw = MemoryEventLog()
        self.keys = MemoryStreamKeys()
        self.log: EventLog = SealedLog(self.raw, KnownStreamKeys(self.keys)) if seals else self.raw
        self.folder = folder
        self.store = SqliteProofStore(folder / "log.proof", self.raw._id)

    async def sign(self, history: list[AnyEvent]) -> None:
        for index, payload in enumerate(history):
            await self.log.append([envelope(index, payload)])
        await Prover(self.log, self.raw._id, self.store, GivenKey(KEY.text()), lambda: {0}).round()

    async def archive(self, subject: str, name: str = "archive.zip") -> tuple[Path, Lineage]:
        newest = {partition: Signed(one.size, one.note) for partition, one in (await self.store.newest()).items()}
        keys = "\n".join(await self.store.keys())
        keys_of = self.log.keys_of if isinstance(self.log, SealedLog) else None
        archive = AuditArchive(
            self.log, SearchingStreamReader(self.log), newest, keys, StoredProofs(self.store), keys_of
        )
        return self.folder / name, await archive.write(subject, self.folder / name)


@pytest.fixture
async def signed(tmp_path: Path) -> AsyncIterator[SignedLog]:
    signed = SignedLog(tmp_path)
    await signed.sign(HISTORY)
    yield signed
    await signed.store.close()


def findings(file: Path, key: PrivateKey = KEY) -> list[str]:
    return verify_archive(file, frozenset({key.public})).findings


def changed(file: Path, change: Callable[[dict[str, bytes]], None], *, with_digests: bool) -> Path:
    """A copy of an archive, its files as `change` leaves them; `with_digests`: as somebody does who knows of these."""
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    if with_digests:
        about = orjson.loads(files["archive.json"])
        about["files"] = {
            name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != "archive.json"
        }
        files["archive.json"] = orjson.dumps(about)
    copy = file.with_name("changed.zip")
    with zipfile.ZipFile(copy, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return copy


@pytest.mark.slow
async def test_an_archive_of_a_run_is_proven_and_the_same_every_time(signed: SignedLog) -> None:
    file, lineage = await signed.archive(f"run/{RUN}")
    report = verify_archive(file, frozenset({KEY.public}))
    assert (report.findings, report.proven) == ([], len(HISTORY) - 1)
    assert lineage.document() == {
        "runs": [RUN],
        "logged_models": ["m-1"],
        "model_versions": [{"name": "new", "version": 2, "aliases": ["champion"]}],
    }
    again, _ = await signed.archive(f"run/{RUN}", "again.zip")
    assert again.read_bytes() == file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        assert [(one["path"], one["sha256"]) for one in orjson.loads(archive.read("artifacts.json"))] == [
            (f"0/{RUN}/artifacts/a.txt", "5" * 64)
        ]
        archive.extract("metrics.parquet", signed.folder)
    (point,) = pyarrow.parquet.read_table(signed.folder / "metrics.parquet").to_pylist()
    assert (point["key"], str(point["value"]), point["offset"]) == ("loss", "nan", 3)


async def test_an_archive_of_a_version_is_of_what_it_comes_from(signed: SignedLog) -> None:
    _, first = await signed.archive("model-version/new/1")
    assert (first.runs, first.logged_models) == ([OTHER], [])
    file, second = await signed.archive("model-version/new/2")
    assert (second.runs, second.logged_models) == ([], ["m-1"])
    assert {"registered-model/old", "registered-model/new", "logged-model/m-1"} < set(second.streams)
    assert findings(file) == []
    for subject in ("model-version/new/3", "model-version/old/1", f"run/{RUNS[2]}", "run/", "typo"):
        with pytest.raises(NoSubject):
            await signed.archive(subject)


def without_line(number: int, *names: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        for name in names:
            lines = files[name].splitlines(keepends=True)
            del lines[number]
            files[name] = b"".join(lines)

    return change


def with_text(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (with_text("events.jsonl", b'"value":"0.1"', b'"value":"0.2"'), "partition 0, offset 4: changed"),
        (with_text("events.jsonl", b'"address":""', b'"address":"x"'), "partition 0, offset 0: changed"),
        (without_line(2, "events.jsonl"), "partition 0, offset 3: dropped"),
        (without_line(2, "proofs.jsonl"), "partition 0, offset 3: inserted, nothing proves it"),
        (without_line(2, "events.jsonl", "proofs.jsonl"), "events.jsonl: 11 events are there, and 12 were written"),
        (with_text("artifacts.json", b"5" * 64, b"6" * 64), "artifacts.json: not what the events say"),
        (with_text("checkpoints/0.txt", b"\n13\n", b"\n14\n"), "checkpoints/0.txt: checkpoint forged"),
        (lambda files: files.pop("checkpoints/0.txt"), "checkpoints/0.txt"),
        (lambda files: files.update({"metrics.parquet": b"PAR1"}), "metrics.parquet: not what the events say"),
    ],
)
async def test_what_was_tampered_with_is_named(
    signed: SignedLog, change: Callable[[dict[str, bytes]], None], named: str
) -> None:
    file, _ = await signed.archive(f"run/{RUN}")
    found = findings(changed(file, change, with_digests=True))
    assert [one for one in found if one.startswith(named)], found
    assert findings(changed(file, change, with_digests=False))


async def test_another_key_is_not_believed(signed: SignedLog) -> None:
    file, _ = await signed.archive(f"run/{RUN}")
    assert findings(file, STRANGER)[0].startswith("checkpoints/0.txt: key replaced")


async def test_what_was_erased_is_proven_by_its_hash(signed: SignedLog) -> None:
    events = signed.raw._events[0]
    events[4] = replace(events[4], payload=forgotten(events[4].payload))
    file, _ = await signed.archive(f"run/{RUN}")
    report = verify_archive(file, frozenset({KEY.public}))
    assert (report.findings, report.forgotten) == ([], 1)


async def test_the_command_verifies_an_archive_without_a_log(signed: SignedLog, tmp_path: Path) -> None:
    file, _ = await signed.archive(f"run/{RUN}")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    copy = Path(shutil.copy(file, elsewhere / "archive.zip"))
    done = CliRunner().invoke(tracklog, ["verify", str(copy), "--public-key", str(KEY.public)])
    assert (done.exit_code, done.stdout) == (0, ""), done.output
    bad = changed(file, with_text("events.jsonl", b'"value":"0.1"', b'"value":"0.2"'), with_digests=False)
    done = CliRunner().invoke(tracklog, ["verify", str(bad)])
    assert done.exit_code == 1
    assert "partition 0, offset 4: changed, or its proof is" in done.stdout
    assert "events.jsonl: changed" in done.stdout
    copy.write_bytes(b"no archive")
    done = CliRunner().invoke(tracklog, ["verify", str(copy)])
    assert done.exit_code == 2
    assert "is no archive" in done.output


@pytest.fixture
async def sealed(tmp_path: Path) -> AsyncIterator[SignedLog]:
    signed = SignedLog(tmp_path, seals=True)
    await signed.sign(HISTORY)
    yield signed
    await signed.store.close()


async def test_an_archive_of_a_sealed_log_is_proven_with_the_keys_of_its_streams_alone(sealed: SignedLog) -> None:
    file, lineage = await sealed.archive(f"run/{RUN}")
    report = verify_archive(file, frozenset({KEY.public}))
    assert (report.findings, report.proven) == ([], len(HISTORY) - 1)
    with zipfile.ZipFile(file) as archive:
        keys = orjson.loads(archive.read("stream-keys.json"))
    assert (set(keys) <= set(lineage.streams), f"run/{OTHER}" in keys) == (True, False)
    again, _ = await sealed.archive(f"run/{RUN}", "again.zip")
    assert again.read_bytes() == file.read_bytes()


async def test_an_archive_of_a_sealed_log_has_what_was_erased_as_its_hash(sealed: SignedLog) -> None:
    await sealed.keys.destroy([f"run/{RUN}"])
    sealed.log = SealedLog(sealed.raw, KnownStreamKeys(sealed.keys))
    file, _ = await sealed.archive("model-version/new/1")
    assert findings(file) == []
    await sealed.keys.destroy([f"run/{OTHER}"])
    sealed.log = SealedLog(sealed.raw, KnownStreamKeys(sealed.keys))
    file, _ = await sealed.archive("model-version/new/1", "after.zip")
    report = verify_archive(file, frozenset({KEY.public}))
    assert (report.findings, report.forgotten) == ([], 1)


def leaf_by_the_readme(line: bytes, sealed: bytes) -> bytes:
    """The hash of the leaf of an event, by what README.md in the archive says and nothing else."""
    event, data = orjson.loads(line), line[line.index(b',"data":') + len(b',"data":') : -1]
    actor, since_epoch = event["actor"], datetime.fromisoformat(event["time"]) - datetime.fromtimestamp(0, UTC)
    texts = [event["type"], event["version"], since_epoch // timedelta(microseconds=1), event["stream"]]
    texts += [actor["user"], actor["address"], actor["user_agent"], event["request_id"]]
    escaped = [str(one).replace("\\", "\\\\").replace("\n", "\\n") for one in texts]
    payload = event["data"].get("forgotten") or hashlib.sha256(sealed or data).hexdigest()
    lines = ["tracklog event 1", event["id"].replace("-", ""), *escaped, payload]
    return hashlib.sha256(b"\0" + "".join(f"{one}\n" for one in lines).encode()).digest()


@pytest.mark.service
@pytest.mark.parametrize("seals", [False, True])
async def test_a_verifier_of_another_hand_accepts_it_by_its_readme(tmp_path: Path, sumdb: Path, seals: bool) -> None:
    signed = SignedLog(tmp_path, seals=seals)
    await signed.sign(HISTORY)
    if not seals:
        signed.raw._events[0][4] = replace(
            signed.raw._events[0][4], payload=forgotten(signed.raw._events[0][4].payload)
        )
    file, _ = await signed.archive(f"run/{RUN}")
    await signed.store.close()
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    places = [orjson.loads(line) for line in files["proofs.jsonl"].splitlines()]
    sealed = [base64.b64decode(orjson.loads(line)["sealed"]) for line in files.get("sealed.jsonl", b"").splitlines()]
    leaves = map(leaf_by_the_readme, files["events.jsonl"].splitlines(), sealed or [b""] * len(places))
    case: dict[str, Any] = {
        "Key": files["keys.txt"].decode().splitlines()[0],
        "Note": files["checkpoints/0.txt"].decode(),
        "Inclusions": [
            {"Index": place["offset"], "Leaf": base64.b64encode(leaf).decode(), "Path": place["hashes"]}
            for place, leaf in zip(places, leaves, strict=True)
        ],
    }
    assert said(sumdb, case) == (0, f'{{"origin": "tracklog/{signed.raw._id}/0"}}')
    for index, inclusion in enumerate(case["Inclusions"]):
        wrong = {**inclusion, "Leaf": base64.b64encode(bytes(32)).decode()}
        changed_one = [*case["Inclusions"][:index], wrong, *case["Inclusions"][index + 1 :]]
        assert said(sumdb, {**case, "Inclusions": changed_one})[0] == 1
    assert said(sumdb, {**case, "Key": str(STRANGER.public)})[0] == 1


def with_other_key(files: dict[str, bytes]) -> None:
    keys = orjson.loads(files["stream-keys.json"])
    keys[f"run/{RUN}"] = keys["registered-model/old"]
    files["stream-keys.json"] = orjson.dumps(keys)


def without_file(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.__delitem__(name)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (with_text("events.jsonl", b'"value":"0.1"', b'"value":"0.2"'), "partition 0, offset 4: changed"),
        (without_line(3, "sealed.jsonl"), "partition 0, offset 4: changed"),
        (with_other_key, "partition 0, offset 1: changed"),
        (without_file("sealed.jsonl"), "partition 0, offset 0: changed"),
        (without_file("stream-keys.json"), "'stream-keys.json' in the archive: missing"),
        (with_text("stream-keys.json", b"{", b"["), "stream-keys.json: cannot be read"),
    ],
)
async def test_what_was_tampered_with_in_a_sealed_one_is_named(
    sealed: SignedLog, change: Callable[[dict[str, bytes]], None], named: str
) -> None:
    file, _ = await sealed.archive(f"run/{RUN}")
    assert any(named in one for one in findings(changed(file, change, with_digests=True)))
