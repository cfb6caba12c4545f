"""What commands know of roles and grants."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownRole:
    """A role as the read model has it; not a personal one."""

    role_id: int
    role_key: str
    name: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom something is granted to: a role by its key, or one user, whose personal role holds it."""

    role_id: int
    role_key: str | None
    username: str


@dataclass(frozen=True, slots=True)
class Resource:
    """What something is granted on; `pattern` is `*`, or an id that never comes again."""

    type: str
    pattern: str


@dataclass(frozen=True, slots=True)
class KnownGrant:
    """A grant as the read model has it."""

    holder: Holder
    resource: Resource
    level: int
