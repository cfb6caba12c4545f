"""How much one may do with something, as MLflow's permissions have it, and on what that can be granted.

Source: the permissions of MLflow 3.17.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from schemas.errors import InvalidParameterValue


class Level(IntEnum):
    """In the order of what they allow. DENY is a veto: whatever else is granted, it takes away."""

    DENY = 0
    NO_PERMISSIONS = 1
    READ = 2
    USE = 3
    EDIT = 4
    MANAGE = 5


ANY_ID: Final = "*"
"""The pattern of a grant on all resources of a type, those that are not there yet among them."""

EXPERIMENT: Final = "experiment"
REGISTERED_MODEL: Final = "registered_model"
PROMPT: Final = "prompt"
SCORER: Final = "scorer"
WORKSPACE: Final = "workspace"
HISTORY: Final = "history"
"""What ever happened, to everything: granted to auditors, on all of it alone."""

BY_ID: Final = frozenset(
    {
        EXPERIMENT,
        REGISTERED_MODEL,
        PROMPT,
        SCORER,
        "gateway_secret",
        "gateway_endpoint",
        "gateway_model_definition",
        "mcp_server",
    }
)
"""Granted on one resource by its id, or on all."""

TIERS: Final = frozenset(
    {
        "run",
        "trace",
        "assessment",
        "logged_model",
        "review_queue",
        "registered_model_version",
        "prompt_version",
        "scorer_version",
        "mcp_server_version",
    }
)
"""Parts of others, granted on all of them alone: which of them count, the grants on what they are parts of say."""

RESOURCE_TYPES: Final = BY_ID | TIERS | {WORKSPACE, HISTORY}

_OF_WORKSPACES: Final = frozenset({Level.USE, Level.MANAGE})
_OF_HISTORY: Final = frozenset({Level.READ, Level.DENY})
_OF_RESOURCES: Final = frozenset(Level) - {Level.NO_PERMISSIONS}
"""What is not granted is not allowed: a grant of nothing would say no more."""


def combined(levels: Iterable[int], default: Level = Level.NO_PERMISSIONS) -> Level:
    """What several grants on one resource come to: DENY vetoes, else the highest counts, and at least `default`."""
    found = {default, *levels}
    return Level.DENY if Level.DENY in found else Level(max(found))


def level_named(name: str) -> Level:
    """Raises InvalidParameterValue."""
    try:
        return Level[name]
    except KeyError:
        names = ", ".join(level.name for level in Level)
        raise InvalidParameterValue(f"Invalid permission '{name}'. Valid permissions are: {names}.") from None


def check_resource(resource_type: str, resource_pattern: str) -> None:
    """Refuse what nothing can be granted on. Whether the resource is there is not asked here.

    Raises InvalidParameterValue.
    """
    if resource_type not in RESOURCE_TYPES:
        raise InvalidParameterValue(
            f"Invalid resource type '{resource_type}'. Valid resource types are: {', '.join(sorted(RESOURCE_TYPES))}."
        )
    if resource_pattern == ANY_ID:
        return
    if resource_type not in BY_ID:
        raise InvalidParameterValue(f"On the resource type '{resource_type}' only '*' can be granted.")
    if not resource_pattern or ANY_ID in resource_pattern:
        raise InvalidParameterValue("A grant is on one id, or on '*' alone: there are no other patterns.")


def check_level(resource_type: str, level: Level) -> None:
    """Refuse a level that cannot be granted on resources of a type. Raises InvalidParameterValue."""
    possible = {WORKSPACE: _OF_WORKSPACES, HISTORY: _OF_HISTORY}.get(resource_type, _OF_RESOURCES)
    if level not in possible:
        names = ", ".join(one.name for one in sorted(possible))
        raise InvalidParameterValue(
            f"Invalid permission '{level.name}' for the resource type '{resource_type}'. It takes: {names}."
        )
