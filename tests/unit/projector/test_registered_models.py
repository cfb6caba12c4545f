"""What events of the registry come to: in any batches what one event after the other comes to."""

import tempfile
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import codec
from schemas.events import (
    AnyEvent,
    ModelVersionCreated,
    ModelVersionDeleted,
    ModelVersionTagDeleted,
    ModelVersionTagSet,
    ModelVersionTransitioned,
    ModelVersionUpdated,
    RegisteredModelAliasDeleted,
    RegisteredModelAliasSet,
    RegisteredModelCreated,
    RegisteredModelDeleted,
    RegisteredModelRenamed,
    RegisteredModelRestored,
    RegisteredModelTagDeleted,
    RegisteredModelTagSet,
    RegisteredModelUpdated,
    Tag,
)
from schemas.mlflow import IS_PROMPT_TAG
from tests.examples import examples
from tests.registry_model import Model, RegistryModel, Version, replayed
from tests.unit.projector.histories import log_of, registry_payloads
from tests.unit.projector.read_models import Projected, projected

BATCHES = pytest.mark.parametrize("ends", [[], range(30)], ids=["in one batch", "one by one"])


def model(name: str = "m", registered_model_id: str = "", **tags: str) -> RegisteredModelCreated:
    return RegisteredModelCreated(
        name=name,
        registered_model_id=registered_model_id or f"id of {name}",
        tags=[Tag(key, tags[key]) for key in tags],
    )


def prompt(name: str = "m") -> RegisteredModelCreated:
    return RegisteredModelCreated(name=name, registered_model_id=f"id of {name}", tags=[Tag(IS_PROMPT_TAG, "true")])


def version(version_id: str, name: str = "m", **tags: str) -> ModelVersionCreated:
    return ModelVersionCreated(
        name=name,
        version_id=version_id,
        source="s",
        storage_location="s",
        tags=[Tag(key, tags[key]) for key in tags],
    )


def rename(name: str, new_name: str) -> RegisteredModelRenamed:
    return RegisteredModelRenamed(name=name, new_name=new_name)


def alias(name: str, number: int, model_name: str = "m") -> RegisteredModelAliasSet:
    return RegisteredModelAliasSet(name=model_name, alias=name, version=number)


def transition(number: int, stage: str, *, archive_existing: bool = False) -> ModelVersionTransitioned:
    return ModelVersionTransitioned(name="m", version=number, stage=stage, archive_existing=archive_existing)


async def folded(folder: Path, ends: Iterable[int], *history: AnyEvent) -> Projected:
    return await projected(folder, await log_of(*history), ends)


def rows(read_model: Projected, sql: str) -> list[tuple[Any, ...]]:
    return read_model.rows(sql)


def stored(read_model: Projected) -> RegistryModel:
    """The tables as the registry that they say there is."""
    models: dict[str, Model] = {}
    by_id: dict[str, Model] = {}
    versions: dict[str, Version] = {}
    for name, model_id, created_ms, updated_ms, description, is_prompt, last_version in rows(
        read_model,
        "SELECT name, registered_model_id, creation_timestamp_ms, last_updated_timestamp_ms, description, is_prompt,"
        " last_version FROM registered_models",
    ):
        tags = rows(
            read_model, f"SELECT key, value FROM registered_model_tags WHERE registered_model_id = '{model_id}'"
        )
        models[name] = by_id[model_id] = Model(created_ms, updated_ms, model_id, description, dict(tags), last_version)
        assert models[name].is_prompt == (is_prompt == 1)
    for number, model_id, name, reference, is_prompt, version_id, *columns in rows(
        read_model,
        "SELECT version, registered_model_id, name, reference, is_prompt, version_id, creation_timestamp_ms,"
        " last_updated_timestamp_ms, description, source, current_stage FROM model_versions",
    ):
        its = by_id[model_id]
        assert models[name] is its
        assert reference == f"{name}/{number}"
        assert its.is_prompt == (is_prompt == 1)
        created_ms, updated_ms, description, source, stage = columns
        its.versions[number] = versions[version_id] = Version(
            created_ms, updated_ms, version_id, description, source, {}, stage
        )
    for version_id, key, value in rows(read_model, "SELECT version_id, key, value FROM model_version_tags"):
        versions[version_id].tags[key] = value
    names = {its.registered_model_id: name for name, its in models.items()}
    for model_id, one, number, version_id, reference in rows(
        read_model, "SELECT registered_model_id, alias, version, version_id, reference FROM registered_model_aliases"
    ):
        by_id[model_id].aliases[one] = number
        assert by_id[model_id].versions[number] is versions[version_id]
        assert reference == f"{names[model_id]}@{one}"
    for model_id, owner in rows(read_model, "SELECT registered_model_id, user_id FROM registered_model_owners"):
        by_id[model_id].owner = owner
    tagged = rows(read_model, "SELECT count(DISTINCT registered_model_id) FROM registered_model_tags")
    assert tagged == [(sum(bool(its.tags) for its in models.values()),)], "tags of a model that is gone"
    refused = rows(read_model, 'SELECT "offset" FROM refusals ORDER BY "offset"')
    return RegistryModel(models, [offset for (offset,) in refused])


@pytest.mark.slow
@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(registry_payloads, max_size=40), ends=st.lists(st.integers(0, 40), max_size=4))
async def test_any_history_in_any_batches_comes_to_what_its_order_says(
    history: list[AnyEvent], ends: list[int]
) -> None:
    log = await log_of(*history)
    events = [(one.time_us // 1000, codec.decode(one)) for one in await log.read(0, 0, limit=100)]
    with tempfile.TemporaryDirectory() as folder:
        assert stored(await projected(Path(folder), log, ends)) == replayed(events)


@BATCHES
async def test_each_event_changes_what_it_says(tmp_path: Path, ends: Iterable[int]) -> None:
    read_model = await folded(
        tmp_path,
        ends,
        model(k="v", gone="x"),
        version("v1", t="1", gone="x"),
        version("v2"),
        version("v3"),
        RegisteredModelUpdated(name="m", description="d"),
        RegisteredModelTagSet(name="m", key="k", value="w"),
        RegisteredModelTagDeleted(name="m", key="gone"),
        ModelVersionUpdated(name="m", version=1, description="e"),
        ModelVersionUpdated(name="m", version=2),
        ModelVersionTagSet(name="m", version=1, key="t", value="2"),
        ModelVersionTagDeleted(name="m", version=1, key="gone"),
        alias("a", 1),
        alias("a", 2),
        alias("b", 3),
        alias("c", 3),
        RegisteredModelAliasDeleted(name="m", alias="b"),
        ModelVersionDeleted(name="m", version=3),
        version("v4"),
    )
    found = stored(read_model)
    assert found.refused == []
    one = found.models["m"]
    assert (one.description, one.tags, one.aliases, one.last_version) == ("d", {"k": "w"}, {"a": 2}, 4)
    assert {number: (its.version_id, its.description, its.tags) for number, its in one.versions.items()} == {
        1: ("v1", "e", {"t": "2"}),
        2: ("v2", None, {}),
        4: ("v4", "", {}),
    }


@BATCHES
async def test_a_refused_event_leaves_everything_as_it_was(tmp_path: Path, ends: Iterable[int]) -> None:
    before = (model(k="v"), model("n"), version("v1", t="1"), alias("a", 1))
    refused = (
        model("m", "another id", k="w"),
        rename("m", "n"),
        rename("x", "y"),
        RegisteredModelUpdated(name="x"),
        RegisteredModelDeleted(name="x"),
        RegisteredModelTagSet(name="x", key="k", value="w"),
        RegisteredModelTagDeleted(name="x", key="k"),
        RegisteredModelAliasDeleted(name="x", alias="a"),
        alias("a", 2),
        version("v2", "x"),
        ModelVersionUpdated(name="m", version=2, description="d"),
        transition(2, "Production", archive_existing=True),
        ModelVersionDeleted(name="m", version=2),
        ModelVersionTagSet(name="m", version=2, key="t", value="2"),
        ModelVersionTagDeleted(name="x", version=1, key="t"),
    )
    found = stored(await folded(tmp_path, ends, *before, *refused))
    assert found.models == stored(await folded(tmp_path, ends, *before)).models
    assert found.refused == list(range(len(before), len(before) + len(refused)))


async def test_a_refusal_says_what_is_missing_or_taken(tmp_path: Path) -> None:
    read_model = await folded(
        tmp_path, [], model(), model(), RegisteredModelDeleted(name="x"), alias("a", 7), version("v", "x")
    )
    assert read_model.rows('SELECT error_code, message FROM refusals ORDER BY "offset"') == [
        ("RESOURCE_ALREADY_EXISTS", "Registered Model (name=m) already exists."),
        ("RESOURCE_DOES_NOT_EXIST", "Registered Model with name=x not found"),
        ("RESOURCE_DOES_NOT_EXIST", "Model Version (name=m, version=7) not found"),
        ("RESOURCE_DOES_NOT_EXIST", "Registered Model with name=x not found"),
    ]


@BATCHES
@pytest.mark.parametrize("first", [[1], [2], [4], [5]])
async def test_models_may_exchange_their_names(tmp_path: Path, ends: Iterable[int], first: list[int]) -> None:
    """Each end of a first batch has others of the names in the tables already."""
    history: tuple[AnyEvent, ...] = (
        model("a", k="a"),
        model("b", k="b"),
        version("va", "a"),
        version("vb", "b"),
        alias("x", 1, "a"),
        alias("x", 1, "b"),
        rename("a", "c"),
        rename("b", "a"),
        rename("c", "b"),
        version("va2", "b"),
    )
    found = stored(await folded(tmp_path, [*first, *ends], *history))
    assert found.refused == []
    assert {name: (its.registered_model_id, its.tags) for name, its in found.models.items()} == {
        "a": ("id of b", {"k": "b"}),
        "b": ("id of a", {"k": "a"}),
    }
    assert [its.version_id for its in found.models["b"].versions.values()] == ["va", "va2"]
    assert (found.models["a"].aliases, found.models["b"].aliases) == ({"x": 1}, {"x": 1})


@BATCHES
async def test_a_chain_of_renames_carries_everything_along(tmp_path: Path, ends: Iterable[int]) -> None:
    chain = [f"n{number}" for number in range(6)]
    history: tuple[AnyEvent, ...] = (
        model("n0", k="v"),
        version("v1", "n0", t="1"),
        alias("x", 1, "n0"),
        *(rename(one, other) for one, other in pairwise(chain)),
        alias("y", 1, "n5"),
    )
    found = stored(await folded(tmp_path, [3, *ends], *history))
    assert list(found.models) == ["n5"]
    last = found.models["n5"]
    assert (last.tags, last.aliases, last.versions[1].tags) == ({"k": "v"}, {"x": 1, "y": 1}, {"t": "1"})
    assert last.updated_ms == last.versions[1].updated_ms


@BATCHES
async def test_a_name_that_was_deleted_is_begun_anew(tmp_path: Path, ends: Iterable[int]) -> None:
    deleted = RegisteredModelDeleted(name="m")
    old = (prompt(), version("v1", t="1"), version("v2"), alias("a", 2))
    found = stored(await folded(tmp_path, [4, *ends], *old, deleted, model("m", "new"), version("w1"), deleted))
    assert found.models == {}
    found = stored(await folded(tmp_path, [4, *ends], *old, deleted, model("m", "new"), version("w1")))
    one = found.models["m"]
    assert (one.registered_model_id, one.tags, one.aliases, one.is_prompt) == ("new", {}, {}, False)
    assert {number: its.version_id for number, its in one.versions.items()} == {1: "w1"}


@BATCHES
async def test_archiving_leaves_one_version_in_the_stage(tmp_path: Path, ends: Iterable[int]) -> None:
    history: tuple[AnyEvent, ...] = (
        model(),
        *(version(f"v{number}") for number in range(1, 6)),
        transition(1, "Production"),
        transition(2, "Production"),
        transition(3, "Staging"),
        transition(4, "Production", archive_existing=True),
        transition(5, "Production", archive_existing=True),
        transition(5, "Production", archive_existing=True),
    )
    one = stored(await folded(tmp_path, [8, *ends], *history)).models["m"]
    stages = {number: its.stage for number, its in one.versions.items()}
    assert stages == {1: "Archived", 2: "Archived", 3: "Staging", 4: "Archived", 5: "Production"}
    assert one.versions[1].updated_ms == one.versions[2].updated_ms


@pytest.mark.slow
@BATCHES
async def test_the_marker_makes_a_prompt_of_a_model_with_all_its_versions_and_back(
    tmp_path: Path, ends: Iterable[int]
) -> None:
    mark = RegisteredModelTagSet(name="m", key=IS_PROMPT_TAG, value="TRUE")
    history: list[AnyEvent] = [model(), version("v1"), mark, version("v2")]
    flags = "SELECT is_prompt FROM registered_models UNION ALL SELECT is_prompt FROM model_versions"
    for more, expected in (
        ((), 1),
        ((RegisteredModelTagSet(name="m", key=IS_PROMPT_TAG, value="false"),), 0),
        ((RegisteredModelTagDeleted(name="m", key=IS_PROMPT_TAG),), 0),
        ((RegisteredModelTagDeleted(name="m", key="k"), ModelVersionTagDeleted(name="m", version=1, key="k")), 1),
        ((ModelVersionTagSet(name="m", version=1, key=IS_PROMPT_TAG, value="false"),), 1),
    ):
        read_model = await folded(tmp_path, [2, *ends], *history, *more)
        assert read_model.rows(flags) == [(expected,)] * 3
        stored(read_model)


@BATCHES
async def test_a_model_that_comes_back_goes_on_with_its_numbers_and_its_names(
    tmp_path: Path, ends: Iterable[int]
) -> None:
    restored = RegisteredModelRestored(name="b", registered_model_id="i", creation_time_ms=0, last_version=1)
    read_model = await folded(
        tmp_path,
        ends,
        *(model("a", "i"), version("1", "a"), rename("a", "b"), version("2", "b"), RegisteredModelDeleted(name="b")),
        *(restored, version("3", "b"), RegisteredModelDeleted(name="b"), restored, version("4", "b")),
        *(rename("b", "c"), RegisteredModelDeleted(name="c")),
        replace(restored, name="d", registered_model_id="of a stream that is not read"),
    )
    names = "SELECT name, since, former_name, former_since FROM registered_model_names"
    assert read_model.rows(names) == [("b", 2, "a", 0), ("c", 10, "b", 2)]
    assert read_model.rows("SELECT * FROM deleted_registered_models") == [("i", 4, 10)]
    assert read_model.rows("SELECT name, last_version, name_since FROM registered_models") == [("d", 1, 12)]


@BATCHES
async def test_a_name_is_remembered_with_the_one_before_it(tmp_path: Path, ends: Iterable[int]) -> None:
    history: tuple[AnyEvent, ...] = (
        model("a"),
        rename("a", "a"),  # no other name
        rename("a", "b"),
        model("a", "second"),
        rename("b", "a"),  # refused
        rename("b", "c"),
        RegisteredModelDeleted(name="c"),
        rename("a", "c"),
    )
    read_model = await folded(tmp_path, ends, *history)
    assert read_model.rows("SELECT name, since, former_name, former_since FROM registered_model_names") == [
        ("b", 2, "a", 0),
        ("c", 5, "b", 2),
        ("c", 7, "a", 3),
    ]
    assert read_model.rows("SELECT name, name_since FROM registered_models") == [("c", 7)]
