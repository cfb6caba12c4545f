"""Imports every module of the product as the image would: `python -m tests.services.only_runtime LOCK_FILE`.

What the lock file does not name cannot be imported, though it is installed here. Prints what failed.
"""

import importlib
import pkgutil
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGES = ("schemas", "event_log", "ingest", "projector", "query_api", "artifact_proxy", "tracklog")


class Without(MetaPathFinder):
    """Finds what another finder finds, but for some top-level modules."""

    def __init__(self, finder: Any, refused: set[str]) -> None:
        self._finder = finder
        self._refused = refused

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in self._refused:
            return None
        found: ModuleSpec | None = self._finder.find_spec(fullname, path, target)
        return found


def modules_of_others(distributions: set[str]) -> set[str]:
    """The top-level modules that are installed here by other distributions only."""
    return {
        module
        for module, owners in packages_distributions().items()
        if not {normalized(owner) for owner in owners} & distributions
    }


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(lock_file: Path) -> int:
    named = set(re.findall(r"^([a-z0-9._-]+)==", lock_file.read_text(), re.MULTILINE))
    refused = modules_of_others({*named, "tracklog"})
    sys.meta_path[:] = [Without(finder, refused) for finder in sys.meta_path]
    failed = 0
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            # These run when they are imported.
            if module.name.endswith(("__main__", ".env")):
                continue
            try:
                importlib.import_module(module.name)
            except ImportError as error:
                failed += 1
                sys.stdout.write(f"{module.name}: {error}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
