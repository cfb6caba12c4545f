"""Label schemas: questions that people answer about traces. The default one of each experiment is no row."""

from sqlalchemy import BigInteger, Column, Index, SmallInteger, Table

from read_model.tables.columns import TEXT, metadata

label_schemas = Table(
    "label_schemas",
    metadata,
    Column("schema_id", TEXT, primary_key=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("reference", TEXT, nullable=False),  # '<experiment id>/<name>', which no two have after a commit
    Column("type", TEXT, nullable=False),
    Column("instruction", TEXT),
    Column("enable_comment", SmallInteger, nullable=False),  # 0 or 1
    Column("input", TEXT, nullable=False),  # a JSON object
    Column("created_at_ms", BigInteger, nullable=False),
    Column("last_updated_at_ms", BigInteger, nullable=False),
)
Index("label_schemas_by_reference", label_schemas.c.reference)
Index(
    "label_schemas_listed",
    label_schemas.c.experiment_id,
    label_schemas.c.created_at_ms.desc(),
    label_schemas.c.schema_id,
)
