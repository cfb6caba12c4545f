"""What commands ask the read model about registered models."""

from typing import Final

import orjson

from ingest.admission.known_entities import EntityKind
from ingest.admission.lookups import Lookup, Row
from ingest.model_versions.answers import ModelVersionInfo
from ingest.registered_models.answers import HeldAlias, RegisteredModelInfo
from ingest.registered_models.state import KnownRegisteredModel, NameHolder
from schemas.documents.registered_models import FIRST_OF_STAGE, LATEST_OF_STAGES
from schemas.events import REGISTERED_MODELS_ORDERING_UNIT, Tag
from schemas.messages.registered_models import registered_model_not_found


def _registered_model(row: Row) -> KnownRegisteredModel:
    return KnownRegisteredModel(row[0])


REGISTERED_MODELS: Final = EntityKind(
    lookup=Lookup("SELECT name FROM registered_models WHERE name = $1", _registered_model),
    not_found=registered_model_not_found,
    ordering_unit=REGISTERED_MODELS_ORDERING_UNIT,
)
"""Known by their names, models and prompts alike."""


def _name_holder(row: Row) -> NameHolder:
    return NameHolder(row[0], row[1] == 1)


NAME_HOLDER: Final = Lookup("SELECT name, is_prompt FROM registered_models WHERE name = $1", _name_holder)


_NUMBER: Final = ModelVersionInfo._fields.index("version")


def _info(row: Row) -> RegisteredModelInfo:
    *columns, versions, tags_of_versions, tags, aliases = row
    of_version: dict[int, list[Tag]] = {}
    for number, key, value in orjson.loads(tags_of_versions or "[]"):
        of_version.setdefault(number, []).append(Tag(key, value))
    return RegisteredModelInfo._make(
        (
            *columns,
            [
                ModelVersionInfo._make((*version, of_version.get(version[_NUMBER], ()), ()))
                for version in orjson.loads(versions or "[]")
            ],
            [Tag(*pair) for pair in orjson.loads(tags or "[]")],
            [HeldAlias(*alias) for alias in orjson.loads(aliases or "[]")],
        )
    )


_LATEST: Final = f"""model_versions
  WHERE model_versions.registered_model_id = m.registered_model_id AND model_versions.version IN ({LATEST_OF_STAGES})"""

REGISTERED_MODEL_INFO: Final = Lookup(
    f"""
SELECT {", ".join(f"m.{column}" for column in RegisteredModelInfo._fields[:-3])},
  (SELECT json_agg(json_build_array({", ".join(ModelVersionInfo._fields[:-2])}))
   FROM (SELECT * FROM {_LATEST} ORDER BY {FIRST_OF_STAGE}) AS ordered),
  (SELECT json_agg(json_build_array(version, key, value))
   FROM (SELECT version, key, value
         FROM model_version_tags JOIN (SELECT version_id, version FROM {_LATEST}) AS latest_versions
           ON latest_versions.version_id = model_version_tags.version_id
         ORDER BY key) AS ordered),
  (SELECT json_agg(json_build_array(key, value))
   FROM (SELECT key, value FROM registered_model_tags
         WHERE registered_model_tags.registered_model_id = m.registered_model_id ORDER BY key) AS ordered),
  (SELECT json_agg(json_build_array(alias, version))
   FROM (SELECT alias, version FROM registered_model_aliases
         WHERE registered_model_aliases.registered_model_id = m.registered_model_id ORDER BY alias) AS ordered)
FROM registered_models m WHERE m.name = $1
""",
    _info,
)
"""The whole model, as it is answered, which is without the aliases of its versions."""
