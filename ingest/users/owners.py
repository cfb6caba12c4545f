"""Who has what they create."""

from ingest.admission.known_entities import KnownEntities
from ingest.users.lookups import USER
from schemas.envelope import Actor


class Owners:
    """`has_users`: users are known. Nobody has anything otherwise."""

    def __init__(self, known: KnownEntities, *, has_users: bool) -> None:
        self._known = known
        self._has_users = has_users

    async def id_of(self, actor: Actor) -> int | None:
        """The id of the user who asks, None for somebody without an account. Raises TemporarilyUnavailable."""
        if not self._has_users:
            return None
        user = await self._known.lookups.one(USER, actor.user)
        return None if user is None else user.user_id
