"""What requests about evaluation datasets mean, and which are refused.

Source of the rules: MLflow 3.17, as observed; docs/differences.md names those that are stricter here.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ingest.json_texts import read_json
from schemas.dataset_records import MAX_RECORD_CHARACTERS, MAX_RECORDS_OF_AN_EVENT, characters_of, json_text
from schemas.errors import InvalidParameterValue
from schemas.events import DatasetRecord, EvaluationDatasetRecordsUpserted, Tag
from schemas.messages.bounds import MAX_KEY_CHARACTERS, MAX_NEW_PAIRS, MAX_TAG_CHARACTERS, check_characters, shown

MAX_EVENT_CHARACTERS: Final = 1_000_000
"""Of the records of one event. A request with more makes several."""

SOURCE_TYPES: Final = ("UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE")


def tags_of(text: str) -> list[Tag]:
    """The tags in a JSON object; null is none. Raises InvalidParameterValue."""
    found = read_json(text, "tags") if text else {}
    if not isinstance(found, dict):
        raise InvalidParameterValue("Invalid value for parameter 'tags': it must be a JSON object in a text.")
    tags = [Tag(key, _tag_text(key, value)) for key, value in found.items() if value is not None]
    if len(tags) > MAX_NEW_PAIRS:
        raise InvalidParameterValue(f"Invalid value for parameter 'tags': there are more than {MAX_NEW_PAIRS} of them.")
    for tag in tags:
        _check_text(tag.key, MAX_KEY_CHARACTERS, "tags")
        _check_text(tag.value, MAX_TAG_CHARACTERS, f"tags.{tag.key}")
    return tags


def _tag_text(key: str, value: Any) -> str:
    if isinstance(value, dict | list):
        raise InvalidParameterValue(f"The value of the tag {shown(key)} must be a text.")
    return str(value)


def _check_text(text: str, most: int, at: str) -> None:
    check_characters(text, most, at)
    if "\0" in text:
        raise InvalidParameterValue(f"Invalid value in the request: text with the NUL character - at `{at}`")
    _check_letters(text, at)


def _check_letters(text: str, at: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _half_a_letter(at) from error


def _half_a_letter(at: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"Invalid value in the request: text with half a pair of surrogates - at `{at}`")


def records_of(text: str) -> list[DatasetRecord]:
    """The records in a JSON list. Raises InvalidParameterValue, which names the first that is wrong."""
    found = read_json(text, "records")
    if not isinstance(found, list):
        raise InvalidParameterValue("Invalid value for parameter 'records': it must be a JSON list in a text.")
    return [_record(record, f"records[{place}]") for place, record in enumerate(found)]


def _record(given: Any, at: str) -> DatasetRecord:
    if not isinstance(given, dict):
        raise InvalidParameterValue(f"Invalid value for parameter '{at}': it must be an object.")
    record = DatasetRecord(
        inputs=_text(_object(given.get("inputs", {}), f"{at}.inputs"), at),
        outputs=_text(given["outputs"], at) if "outputs" in given else None,
        expectations=_optional(given.get("expectations"), f"{at}.expectations"),
        tags=_optional(given.get("tags"), f"{at}.tags"),
        source=_source(given.get("source"), f"{at}.source"),
    )
    if characters_of(record) > MAX_RECORD_CHARACTERS:
        raise InvalidParameterValue(
            f"Invalid value for parameter '{at}': it has {characters_of(record)} characters, which exceeds the maximum"
            f" length of {MAX_RECORD_CHARACTERS}."
        )
    return record


def _object(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidParameterValue(f"Invalid value for parameter '{at}': it must be an object.")
    return value


def _optional(value: Any, at: str) -> str | None:
    return None if value is None else _text(_object(value, at), at)


def _text(value: Any, at: str) -> str:
    try:
        return json_text(value)
    except UnicodeEncodeError as error:
        raise _half_a_letter(at) from error


def _source(value: Any, at: str) -> str | None:
    """Where a record comes from, with its type in capital letters."""
    if not value:
        return None
    source = _object(value, at)
    if source.keys() - {"source_type", "source_data"} or not isinstance(source.get("source_type"), str):
        raise InvalidParameterValue(f"Invalid value for parameter '{at}': it must have a source_type and source_data.")
    source_type = source["source_type"].upper()
    if source_type not in SOURCE_TYPES:
        raise InvalidParameterValue(
            f"The source of a record has the type {shown(source_type)}, which is none of {list(SOURCE_TYPES)}."
        )
    data = source.get("source_data")
    return _text({"source_type": source_type, "source_data": {} if data is None else _object(data, at)}, at)


def upserts(dataset_id: str, records: Sequence[DatasetRecord]) -> Iterator[EvaluationDatasetRecordsUpserted]:
    """The events of records, in order, none of which is longer than a log likes."""
    waiting: list[DatasetRecord] = []
    characters = 0
    for record in records:
        length = characters_of(record)
        if waiting and (len(waiting) == MAX_RECORDS_OF_AN_EVENT or characters + length > MAX_EVENT_CHARACTERS):
            yield EvaluationDatasetRecordsUpserted(dataset_id=dataset_id, records=waiting)
            waiting, characters = [], 0
        waiting.append(record)
        characters += length
    if waiting:
        yield EvaluationDatasetRecordsUpserted(dataset_id=dataset_id, records=waiting)
