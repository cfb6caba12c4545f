"""Registered models and their versions, with the tags of both and the aliases.

A version and an alias repeat the name of their model, and have a `reference`, by which one statement finds them. All
of them change when the model is renamed, which is rare.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, SmallInteger, Table, text

from read_model.tables.columns import INDEXED_VALUE_CHARACTERS, TEXT, metadata

FIRST_CHARACTERS: Final = f"substr(value, 1, {INDEXED_VALUE_CHARACTERS})"
"""Of a tag of a version, as it is indexed: also in SQLite no more, because the texts of prompts are such tags."""

registered_models = Table(
    "registered_models",
    metadata,
    Column("registered_model_id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("creation_timestamp_ms", BigInteger, nullable=False),
    Column("last_updated_timestamp_ms", BigInteger, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("is_prompt", SmallInteger, nullable=False),  # 1 while the marker tag says so, else 0
    Column("last_version", BigInteger, nullable=False),  # the highest number that any version ever had
    Column("name_since", BigInteger, nullable=False),  # the offset of the event by which it got its name
)
Index("registered_models_by_name", registered_models.c.name, unique=True)
Index("registered_models_listed", registered_models.c.is_prompt, registered_models.c.name)
Index(
    "registered_models_by_update",
    registered_models.c.is_prompt,
    registered_models.c.last_updated_timestamp_ms,
    registered_models.c.name,
)

registered_model_owners = Table(  # of those that somebody has for having created them
    "registered_model_owners",
    metadata,
    Column("registered_model_id", TEXT, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
)
Index(
    "registered_model_owners_by_user", registered_model_owners.c.user_id, registered_model_owners.c.registered_model_id
)

registered_model_names = Table(  # how models that were renamed came to their names; what was deleted keeps its own
    "registered_model_names",
    metadata,
    Column("name", TEXT, nullable=False),
    Column("since", BigInteger, nullable=False),  # the offset of the rename
    Column("former_name", TEXT, nullable=False),
    Column("former_since", BigInteger, nullable=False),
    PrimaryKeyConstraint("name", "since"),
    sqlite_with_rowid=False,
)

deleted_registered_models = Table(  # what one goes on with when its delete is undone
    "deleted_registered_models",
    metadata,
    Column("registered_model_id", TEXT, primary_key=True),
    Column("last_version", BigInteger, nullable=False),
    Column("name_since", BigInteger, nullable=False),
)

registered_model_tags = Table(
    "registered_model_tags",
    metadata,
    Column("registered_model_id", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    PrimaryKeyConstraint("registered_model_id", "key"),
    sqlite_with_rowid=False,
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("version_id", TEXT, primary_key=True),
    Column("registered_model_id", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("reference", TEXT, nullable=False),  # '<name>/<version>': no name has a slash
    Column("is_prompt", SmallInteger, nullable=False),  # of the model
    Column("creation_timestamp_ms", BigInteger, nullable=False),
    Column("last_updated_timestamp_ms", BigInteger, nullable=False),
    Column("current_stage", TEXT, nullable=False),
    Column("description", TEXT),  # NULL after an update without one
    Column("source", TEXT, nullable=False),
    Column("storage_location", TEXT, nullable=False),
    Column("run_id", TEXT, nullable=False),
    Column("run_link", TEXT, nullable=False),
    Column("logged_model_id", TEXT, nullable=False),  # '' without one; clients never see it
)
Index("model_versions_by_reference", model_versions.c.reference, unique=True)
Index("model_versions_by_number", model_versions.c.registered_model_id, model_versions.c.version, unique=True)
Index(
    "model_versions_by_stage",
    model_versions.c.registered_model_id,
    model_versions.c.current_stage,
    model_versions.c.version,
)
Index("model_versions_by_name", model_versions.c.name, model_versions.c.version)
Index(
    "model_versions_by_update",
    model_versions.c.is_prompt,
    model_versions.c.last_updated_timestamp_ms.desc(),
    model_versions.c.name,
    model_versions.c.version.desc(),
)
Index("model_versions_by_run", model_versions.c.run_id)

model_version_tags = Table(
    "model_version_tags",
    metadata,
    Column("version_id", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    PrimaryKeyConstraint("version_id", "key"),
    sqlite_with_rowid=False,
)

Index("model_version_tags_by_value", model_version_tags.c.key, text(FIRST_CHARACTERS), model_version_tags.c.version_id)

registered_model_aliases = Table(
    "registered_model_aliases",
    metadata,
    Column("registered_model_id", TEXT, nullable=False),
    Column("alias", TEXT, nullable=False),
    Column("version_id", TEXT, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("reference", TEXT, nullable=False),  # '<name>@<alias>': no alias has an @
    PrimaryKeyConstraint("registered_model_id", "alias"),
    sqlite_with_rowid=False,
)
Index("registered_model_aliases_by_reference", registered_model_aliases.c.reference, unique=True)
Index("registered_model_aliases_by_version", registered_model_aliases.c.version_id, registered_model_aliases.c.alias)
