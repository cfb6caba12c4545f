"""Issues: problems that traces of an experiment show."""

from sqlalchemy import BigInteger, Column, Index, SmallInteger, Table

from read_model.tables.columns import TEXT, metadata

issues = Table(
    "issues",
    metadata,
    Column("issue_id", TEXT, primary_key=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("severity", TEXT),
    Column("severity_rank", SmallInteger, nullable=False),  # -1 without a severity
    Column("root_causes", TEXT),  # a JSON list; NULL where there are none
    Column("categories", TEXT),  # the same
    Column("source_run_id", TEXT),
    Column("created_by", TEXT),
    Column("created_timestamp_ms", BigInteger, nullable=False),
    Column("last_updated_timestamp_ms", BigInteger, nullable=False),
)
Index(
    "issues_listed",
    issues.c.experiment_id,
    issues.c.severity_rank.desc(),
    issues.c.created_timestamp_ms.desc(),
    issues.c.issue_id.desc(),
)
