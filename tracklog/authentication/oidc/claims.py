"""Who somebody is by the claims of a provider: an identity, the name to give an account, and groups."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.errors import PermissionDenied
from schemas.events import Identity
from tracklog.settings.oidc import OidcSettings

EMAIL: Final = "email"


class Known(NamedTuple):
    """Whom a provider knows. `username` is what it calls them, which says nothing of who they are here."""

    identity: Identity
    username: str
    groups: tuple[str, ...]
    is_admin: bool


def known_by(claims: Mapping[str, Any], settings: OidcSettings) -> Known:
    """Whom checked claims name. Raises PermissionDenied when they may not come in, or have no name."""
    groups = groups_of(claims, settings.groups_claim)
    if not may_come_in(groups, settings):
        raise PermissionDenied(f"Permission denied: only the group {settings.allowed_group} is let in.")
    username = claims.get(settings.username_claim)
    if not isinstance(username, str) or not username:
        raise PermissionDenied(f"Permission denied: no claim {settings.username_claim} says what to call you.")
    if settings.username_claim == EMAIL and claims.get("email_verified") is False:
        raise PermissionDenied("Permission denied: the provider has not verified the e-mail address.")
    return Known(Identity(settings.issuer, claims["sub"]), username, groups, makes_admin(groups, settings))


def makes_admin(groups: Sequence[str], settings: OidcSettings) -> bool:
    """Whether who is in `groups` may do everything."""
    return settings.admin_group is not None and settings.admin_group in groups


def may_come_in(groups: Sequence[str], settings: OidcSettings) -> bool:
    """Whether who is in `groups` is let in."""
    return settings.allowed_group is None or settings.allowed_group in groups


def groups_of(claims: Mapping[str, Any], claim: str) -> tuple[str, ...]:
    """The groups in a claim, which is a list of them or one; none where it is missing."""
    found = claims.get(claim)
    listed = found if isinstance(found, list) else [found]
    return tuple(sorted({group for group in listed if isinstance(group, str) and group}))
