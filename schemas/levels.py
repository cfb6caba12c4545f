"""How much one may do with something, as MLflow's permissions have it."""

from enum import IntEnum


class Level(IntEnum):
    """In the order of what they allow. DENY is a veto: whatever else is granted, it takes away.

    Source: the permissions of MLflow 3.17.
    """

    DENY = 0
    NO_PERMISSIONS = 1
    READ = 2
    USE = 3
    EDIT = 4
    MANAGE = 5
