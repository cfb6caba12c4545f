"""A name that nothing has leads to a file by what a client makes of the names it was shown."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from artifact_proxy.artifact_path import ArtifactPath, file_path
from artifact_proxy.artifact_roots import Place
from artifact_proxy.lookup import MOST_FOLDERS, Lookup, names_shown
from artifact_proxy.stores.blob_store import Entry
from artifact_proxy.stores.local.blob_store import LocalBlobStore
from tests.unit.artifact_proxy.serving import PROXY, Served, serving

RUN = "1/run/artifacts"
PYTHON = {"User-Agent": "mlflow-python-client/3.17.2"}


class CountingStore(LocalBlobStore):
    """Counts the folders that are listed."""

    listed: int = 0

    async def entries(self, folder: ArtifactPath, after: str = "") -> AsyncIterator[Entry]:
        self.listed += 1
        async for entry in super().entries(folder, after):
            yield entry


async def one(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def existing(store: LocalBlobStore, lookup: Lookup, path: str) -> str:
    return str((await lookup.existing(Place(store, file_path(path)))).path)


async def put(store: LocalBlobStore, *paths: str) -> None:
    for path in paths:
        await store.put(file_path(path), one(path.encode()))


@pytest.mark.parametrize(
    ("at_rest", "asked"),
    [
        ("a b/f", "a%20b/f"),
        ("a%20b%", "a b%"),
        ("Model:v1/sub/f", "model:v1/sub/f"),
        ("a%23b%", "a\uff0523b\uff05"),
        ("100%accuracy", "100\N{REPLACEMENT CHARACTER}curacy"),
        ("by others%20/f", "by others /f"),
    ],
)
async def test_what_is_asked_for_by_another_name_is_found(tmp_path: Path, at_rest: str, asked: str) -> None:
    store = LocalBlobStore(tmp_path)
    await put(store, f"{RUN}/{at_rest}")
    assert await existing(store, Lookup(), f"{RUN}/{asked}") == f"{RUN}/{at_rest}"
    await store.close()


async def test_the_very_name_wins_over_one_that_is_asked_for_by_it(tmp_path: Path) -> None:
    store = LocalBlobStore(tmp_path)
    await put(store, f"{RUN}/a%20b", f"{RUN}/a b")
    for name in ("a%20b", "a b"):
        assert await existing(store, Lookup(), f"{RUN}/{name}") == f"{RUN}/{name}"
    await store.close()


async def test_a_folder_is_listed_once_for_all_its_odd_names(tmp_path: Path) -> None:
    store, lookup = CountingStore(tmp_path), Lookup()
    names = [f"k%step%20%g{number}" for number in range(30)]
    await put(store, *(f"{RUN}/{name}" for name in names))
    for name in names:
        assert await existing(store, lookup, f"{RUN}/{name.replace('%20', ' ')}") == f"{RUN}/{name}"
    assert store.listed == 2 + (len(names) - 1)
    await put(store, f"{RUN}/late%20%")
    assert await existing(store, lookup, f"{RUN}/late %") == f"{RUN}/late%20%"
    await store.delete(file_path(f"{RUN}/late%20%"))
    assert await existing(store, lookup, f"{RUN}/late %") == f"{RUN}/late %"
    await store.close()


async def test_few_folders_are_remembered(tmp_path: Path) -> None:
    store, lookup = LocalBlobStore(tmp_path), Lookup()
    for number in range(2 * MOST_FOLDERS):
        await put(store, f"{RUN}/{number}/a%20%")
        await existing(store, lookup, f"{RUN}/{number}/a %")
    assert len(lookup._remembered) == MOST_FOLDERS
    await store.close()


async def test_above_the_folder_of_a_run_nothing_is_looked_for(tmp_path: Path) -> None:
    """An experiment may have a hundred thousand runs, and most that are asked for have no artifacts."""
    store = CountingStore(tmp_path)
    await put(store, "1/other/artifacts/f")
    assert await existing(store, Lookup(), "1/run/artifacts") == "1/run/artifacts"
    assert store.listed == 0
    assert await existing(store, Lookup(), "1/run/artifacts/a/b") == "1/run/artifacts/a/b"
    assert store.listed == 2
    await store.close()


async def test_the_client_is_shown_an_alias_where_it_would_ask_for_another_or_for_nothing() -> None:
    assert await names_shown(["a b", "a%20b", "a%41", "a%23b"]) == ["a b", "a\uff0520b", "a%41", "a\uff0523b"]
    assert await names_shown(["a%20b%", "a%2520b%"]) == ["a%20b%", "a\uff052520b\uff05"]


def test_only_mlflows_client_is_shown_an_alias(tmp_path: Path) -> None:
    with serving(tmp_path / "root") as server:
        assert server.ask("PUT", f"{PROXY}/{RUN}/{quote('a%23b')}", b"1").status == 200
        listing = f"{PROXY}?path={RUN}"
        assert names(server, listing) == ["a%23b"]
        assert names(server, listing, PYTHON) == ["a\uff0523b"]
        assert server.ask("GET", f"{PROXY}/{RUN}/{quote('a％23b')}").body == b"1"  # noqa: RUF001


def names(server: Served, target: str, headers: dict[str, str] | None = None) -> list[str]:
    return [file["path"] for file in json.loads(server.ask("GET", target, headers=headers).body).get("files", [])]


def test_every_route_finds_what_is_asked_for_by_another_name(tmp_path: Path) -> None:
    with serving(tmp_path / "root") as server:
        assert server.ask("PUT", f"{PROXY}/{RUN}/lr%20sweep/a%2520b%25", b"1").status == 200
        asked = quote("lr%20sweep/a b%")
        assert server.ask("GET", f"{PROXY}/{RUN}/{asked}").body == b"1"
        assert server.ask("HEAD", f"{PROXY}/{RUN}/{asked}").status == 200
        assert server.get_artifact("proxied", "lr%20sweep/a b%").body == b"1"
        assert names(server, f"{PROXY}?path={RUN}/lr%2520sweep") == ["a%20b%"]
        listed = names(server, "/api/2.0/mlflow/artifacts/list?run_id=proxied&path=lr%2520sweep")
        assert listed == ["lr%20sweep/a%20b%"]
        presigned = server.ask("GET", f"/api/2.0/mlflow-artifacts/presigned/{RUN}/{asked}")
        assert json.loads(presigned.body)["file_size"] == 1
        assert server.ask("DELETE", f"{PROXY}/{RUN}/{asked}").status == 200
        assert names(server, f"{PROXY}?path={RUN}/lr%20sweep") == []


def test_a_question_mark_in_a_name_is_of_the_name(tmp_path: Path) -> None:
    """MLflow's client does not escape it, and `a?1` would overwrite `a?2`."""
    with serving(tmp_path / "root") as server:
        for name in ("a", "a?1", "a?2"):
            assert server.ask("PUT", f"{PROXY}/{RUN}/{name}", name.encode()).status == 200
        for name in ("a", "a?1", "a?2"):
            assert server.ask("GET", f"{PROXY}/{RUN}/{name}").body == name.encode()
        assert server.ask("GET", f"{PROXY}/{RUN}/a?fresh=1").body == b"a"
        assert server.ask("DELETE", f"{PROXY}/{RUN}/a?3").status == 200
        assert names(server, f"{PROXY}?path={RUN}") == ["a", "a?1", "a?2"]


def test_a_multipart_upload_is_kept_as_one_in_a_piece(tmp_path: Path) -> None:
    uploads = "/api/2.0/mlflow-artifacts/mpu"
    with serving(tmp_path / "root") as server:
        folder = f"{RUN}/lr%2520sweep"
        json_type = {"Content-Type": "application/json"}
        created = server.ask(
            "POST", f"{uploads}/create/{folder}", json.dumps({"path": "x%20y", "num_parts": 1}).encode(), json_type
        )
        upload = json.loads(created.body)
        target = upload["credentials"][0]["url"].removeprefix("http://localhost")
        part = server.ask("PUT", target, b"abc")
        ended = {"path": "x%20y", "upload_id": upload["upload_id"], "parts": [{"part_number": 1}]}
        assert part.status == 200
        listed = server.ask("GET", f"{uploads}/parts/{folder}/x%2520y?upload_id={upload['upload_id']}")
        assert len(json.loads(listed.body)["parts"]) == 1
        done = server.ask("POST", f"{uploads}/complete/{folder}", json.dumps(ended).encode(), json_type)
        assert done.status == 200
        assert (server.root / RUN / "lr sweep" / "x%20y").read_bytes() == b"abc"
