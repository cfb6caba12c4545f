"""Accounts and their access tokens, without anything that lets somebody in."""

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table

from read_model.tables.columns import TEXT, metadata

users = Table(
    "users",
    metadata,
    Column("username", TEXT, primary_key=True),
    Column("user_id", BigInteger, nullable=False),  # the offset of its creation: no other user ever has it
    Column("is_admin", SmallInteger, nullable=False),
    Column("password_id", TEXT, nullable=False),
    Column("creation_timestamp_ms", BigInteger, nullable=False),
    Column("issuer", TEXT),  # these two are set of users whom a provider of OpenID Connect knows
    Column("subject", TEXT),
)
Index("users_by_is_admin", users.c.is_admin, users.c.username)
Index("users_by_identity", users.c.subject, users.c.issuer)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("token_id", TEXT, primary_key=True),
    Column("username", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("scope", TEXT, nullable=False),
    Column("expires_ms", BigInteger),
    Column("creation_timestamp_ms", BigInteger, nullable=False),
)
Index("access_tokens_by_user", access_tokens.c.username, access_tokens.c.creation_timestamp_ms)

users_revision = Table(  # what was remembered of users or rights before is to be asked again
    "users_revision",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),  # 0 of accounts and tokens, 1 of rights
    Column("revision", BigInteger, nullable=False),  # the offset of the last event that changed any of them
)
