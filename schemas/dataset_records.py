"""What the records of an evaluation dataset are told apart by, how they are merged, and what a dataset knows of them.

Source: MLflow 3.17, `SqlAlchemyStore.upsert_dataset_records`, which finds the same hash for the same inputs.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from schemas.events import DatasetRecord, WholeRecord
from schemas.mlflow import USER_TAG

MAX_FIELDS: Final = 1000
"""Of each part of a schema. Those that come later are not in it: it is written anew with every batch of records."""

MAX_RECORDS_OF_AN_EVENT: Final = 1000

MAX_RECORD_CHARACTERS: Final = 1_000_000
"""Of the parts of a record together, also of one that was merged."""

VERSION: Final = "1.0"


def input_hash(inputs: Any) -> str:
    """The hash of a record's inputs, in which the order of keys does not matter, while 1 is not 1.0."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def record_ids_of(event_id: bytes) -> tuple[str, str]:
    """The least and the greatest id of records that an event can make."""
    begin = _begin(event_id)
    return f"{begin}0000", f"{begin}ffff"


def record_id_of(event_id: bytes, place: int) -> str:
    """The id of the record in a place of an event's list: `dr-` and 32 hexadecimal digits, as MLflow's are.

    They are the event's own, without the first, which are the same for years, and the place.
    """
    return f"{_begin(event_id)}{place:04x}"


def _begin(event_id: bytes) -> str:
    return f"dr-{event_id.hex()[4:]}"


class RecordTexts(Protocol):
    """What a record is of, each as JSON."""

    @property
    def inputs(self) -> str: ...
    @property
    def outputs(self) -> str | None: ...
    @property
    def expectations(self) -> str | None: ...
    @property
    def tags(self) -> str | None: ...
    @property
    def source(self) -> str | None: ...


def characters_of(record: RecordTexts) -> int:
    """Of the parts of a record together, of which at most MAX_RECORD_CHARACTERS are taken."""
    parts = (record.inputs, record.outputs, record.expectations, record.tags, record.source)
    return sum(len(part) for part in parts if part is not None)


def new_record(record_id: str, given: DatasetRecord, time_ms: int) -> WholeRecord:
    """A record of which nothing was merged yet. Outputs that nothing was said of are an empty object."""
    return WholeRecord(
        record_id=record_id,
        inputs=given.inputs,
        outputs="{}",
        expectations=given.expectations,
        source=given.source,
        created_time_ms=time_ms,
        last_update_time_ms=time_ms,
        created_by=_user(object_in(given.tags)),
    )


def merged(known: WholeRecord, given: DatasetRecord, time_ms: int) -> WholeRecord:
    """Expectations and tags key by key, outputs whole; its source, and who made it when, a record keeps."""
    changed: dict[str, Any] = {"last_update_time_ms": max(known.last_update_time_ms, time_ms)}
    if given.outputs is not None:
        changed["outputs"] = None if given.outputs == "null" else given.outputs
    if expectations := object_in(given.expectations):
        changed["expectations"] = json_text(object_in(known.expectations) | expectations)
    if tags := object_in(given.tags):
        changed["tags"] = json_text(object_in(known.tags) | tags)
        if USER_TAG in tags:
            changed["last_updated_by"] = _user(tags)
    return msgspec.structs.replace(known, **changed)


def object_in(text: str | None) -> dict[str, Any]:
    """The JSON object in a text, an empty one for None."""
    return {} if text is None else dict(json.loads(text))


def _user(tags: Mapping[str, Any]) -> str | None:
    """Who says so. A number is taken for a name, as a column of texts takes it; nothing else is."""
    user = tags.get(USER_TAG)
    if isinstance(user, bool) or not isinstance(user, str | int | float):
        return None
    return str(user)


def digest_of(name: str, last_update_time_ms: int) -> str:
    """Eight hexadecimal digits, others after each change."""
    return hashlib.sha256(f"{name}:{last_update_time_ms}".encode()).hexdigest()[:8]


def json_text(value: Any) -> str:
    """The JSON of a value, without blanks. Raises UnicodeEncodeError for half a pair of surrogates."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text.encode()
    return text


class RecordsSchema:
    """The types of the values in records, by the keys of their inputs, outputs and expectations."""

    def __init__(self, text: str | None) -> None:
        self._schema: dict[str, Any] = (
            json.loads(text) if text else {"inputs": {}, "outputs": {}, "expectations": {}, "version": VERSION}
        )

    @property
    def text(self) -> str:
        return json.dumps(self._schema, ensure_ascii=False)

    def add(self, inputs: Any, outputs: Any, expectations: Any) -> None:
        """The type that a key was seen with first stays. Outputs that are no object have one, if none were before."""
        self._add("inputs", inputs)
        self._add("expectations", expectations)
        if isinstance(outputs, dict):
            self._add("outputs", outputs)
        elif outputs is not None and not self._schema["outputs"]:
            self._schema["outputs"] = _type_name(outputs)

    def _add(self, part: str, values: Mapping[str, Any] | None) -> None:
        known = self._schema[part]
        if not values or not isinstance(known, dict):
            return
        for key, value in values.items():
            if key not in known and len(known) < MAX_FIELDS:
                known[key] = _type_name(value)


def _type_name(value: Any) -> str:
    return _TYPE_NAMES[type(value)]


_TYPE_NAMES: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    list: "array",
    dict: "object",
}
