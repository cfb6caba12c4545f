"""How a program that refuses to run as root is run by root, on files of root's."""

import os
import shutil
import subprocess
from functools import cache

from tests.services.missing import ServiceMissing

NOBODY = "65534"
"""The user that every Linux has for this: PostgreSQL looks its own name up."""


@cache
def unprivileged() -> tuple[str, ...]:
    """What to put before a command so that it does not see itself as root; nothing for everybody else.

    In a user namespace the program is `nobody` in its own eyes and has none of root's powers, but the files of root
    stay its own: data folders may lie anywhere and no user need be made. Raises ServiceMissing where the machine does
    not allow that.
    """
    if os.geteuid() != 0:
        return ()
    unshare = shutil.which("unshare")
    if unshare is None:
        raise ServiceMissing("PostgreSQL does not run as root, and `unshare` (Debian: util-linux) is not installed.")
    prefix = (unshare, "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise ServiceMissing(
            f"PostgreSQL does not run as root, and this machine allows no user namespaces ({tried.stderr.strip()}): "
            "run the tests as another user."
        )
    return prefix
