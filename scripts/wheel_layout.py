"""The one step of a wheel's build that is ours: every package moves below `tracklog`, so that no other name is taken.

In the repository `schemas`, `ingest` and the others lie side by side and import one another by these names. In an
environment that holds other packages such names collide, so a wheel has them as `tracklog.schemas`, `tracklog.ingest`
and so on: docs/adr/0027-one-import-name.md. An editable installation is the repository as it is.
"""

import ast
import shutil
from collections.abc import Set
from pathlib import Path

from setuptools.command.build_py import build_py

HOME = "tracklog"


class BuildBelowTracklog(build_py):  # type: ignore[misc]  # setuptools has no types
    """The command `build_py` of setuptools, which fills the folder that a wheel is made of."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        names = {package.partition(".")[0] for package in self.distribution.packages} - {HOME}
        move_below(Path(self.build_lib), names)
        self.run_command("egg_info")
        Path(self.get_finalized_command("egg_info").egg_info, "top_level.txt").write_text(f"{HOME}\n")


def move_below(built: Path, names: Set[str]) -> None:
    """Move the packages `names` in the folder `built` below `tracklog`, and have every module there import them so."""
    for name in sorted(names):
        target = built / HOME / name
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build in the same folder
        shutil.move(built / name, target)
    for module in sorted((built / HOME).rglob("*.py")):
        try:
            module.write_text(with_imports_below(module.read_text(encoding="utf-8"), names), encoding="utf-8")
        except ValueError as error:
            raise ValueError(f"{module}: {error}") from None


def with_imports_below(source: str, names: Set[str]) -> str:
    """The text of a module in which everything imported from the packages `names` is imported from below `tracklog`.

    Nothing else changes, and no line moves. Raises ValueError for the one form that cannot be said so: `import a.b`,
    which gives the module the name `a`.
    """
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                for alias in node.names:
                    if alias.name.partition(".")[0] in names:
                        raise ValueError(
                            f"line {node.lineno}: write `from … import …` instead of `import {alias.name}`"
                        )
            case ast.ImportFrom(module=str(module), level=0) if module.partition(".")[0] in names:
                line = lines[node.lineno - 1]
                before, after = line[: node.col_offset], line[node.col_offset :]
                if not after.startswith(f"from {module} "):
                    raise ValueError(f"line {node.lineno}: expected `from {module} import …`")
                lines[node.lineno - 1] = f"{before}from {HOME}.{after.removeprefix('from ')}"
            case _:
                pass
    return "".join(lines)
