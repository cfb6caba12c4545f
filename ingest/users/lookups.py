"""What commands ask the read model about users."""

from typing import Final

from ingest.admission.lookups import Lookup, Row
from ingest.users.state import KnownAccessToken, KnownUser


def _user(row: Row) -> KnownUser:
    return KnownUser(row[0], row[1], row[2] == 1, row[3])


USER: Final = Lookup("SELECT username, user_id, is_admin, password_id FROM users WHERE username = $1", _user)

ANY_USER: Final = Lookup("SELECT username, user_id, is_admin, password_id FROM users LIMIT 1", _user)


def _access_token(row: Row) -> KnownAccessToken:
    return KnownAccessToken(row[0], row[1])


ACCESS_TOKEN: Final = Lookup("SELECT token_id, username FROM access_tokens WHERE token_id = $1", _access_token)

TOKENS_OF_USER: Final = Lookup("SELECT token_id, username FROM access_tokens WHERE username = $1", _access_token)
