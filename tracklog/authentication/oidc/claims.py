"""Who somebody is by the claims of a provider: an identity, the name to give an account, and groups."""

from collections.abc import Mapping
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
    if settings.allowed_group is not None and settings.allowed_group not in groups:
        raise PermissionDenied(f"Permission denied: only the group {settings.allowed_group} is let in.")
    username = claims.get(settings.username_claim)
    if not isinstance(username, str) or not username:
        raise PermissionDenied(f"Permission denied: no claim {settings.username_claim} says what to call you.")
    if settings.username_claim == EMAIL and claims.get("email_verified") is False:
        raise PermissionDenied("Permission denied: the provider has not verified the e-mail address.")
    is_admin = settings.admin_group is not None and settings.admin_group in groups
    return Known(Identity(settings.issuer, claims["sub"]), username, groups, is_admin)


def groups_of(claims: Mapping[str, Any], claim: str) -> tuple[str, ...]:
    """The groups in a claim, which is a list of them or one; none where it is missing."""
    found = claims.get(claim)
    listed = found if isinstance(found, list) else [found]
    return tuple(sorted({group for group in listed if isinstance(group, str) and group}))
