"""The answers to commands about users."""

import orjson

from ingest.users.state import KnownUser


def user(known: KnownUser) -> bytes:
    return orjson.dumps({"user": {"id": known.user_id, "username": known.username, "is_admin": known.is_admin}})


def access_token(token_id: str, token: str) -> bytes:
    """The one answer that ever shows the token."""
    return orjson.dumps({"token_id": token_id, "token": token})
