"""What the records of an evaluation dataset are told apart by, and what a dataset knows of the values in them.

Source: MLflow 3.17, `SqlAlchemyStore.upsert_dataset_records`, which finds the same hash for the same inputs.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

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
