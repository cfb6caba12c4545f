"""A package imports of another only what that one names as public, and no name that begins with an underscore."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = (
    "schemas",
    "event_log",
    "read_model",
    "ingest",
    "projector",
    "query_api",
    "artifact_proxy",
    "tracklog",
)


class Import(NamedTuple):
    """A name that a file imports from a module of another package; or the module alone."""

    file: str
    module: str
    name: str | None

    def __str__(self) -> str:
        return f"{self.file} imports {self.module}" + (f".{self.name}" if self.name else "")


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def imports_in(source: str, file: str) -> Iterator[Import]:
    """What is imported from our packages, by a whole statement in any place of the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(file, alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                yield Import(file, deeper, None) if is_module(deeper) else Import(file, node.module, alias.name)


@cache
def across_packages() -> tuple[Import, ...]:
    return tuple(
        one
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for one in imports_in(path.read_text(), str(path.relative_to(ROOT)))
        if one.module.partition(".")[0] in set(PACKAGES) - {package}
    )


def public_of(package: str) -> tuple[str, ...]:
    return tuple(f"{package}.{module}" for module in import_module(package).PUBLIC_MODULES)


PUBLIC: Final = {package: public_of(package) for package in PACKAGES}


def is_below(module: str, public: str) -> bool:
    return module == public or module.startswith(f"{public}.")


def is_public(one: Import) -> bool:
    package = one.module.partition(".")[0]
    is_named = any(is_below(one.module, public) for public in PUBLIC[package])
    return is_named and not (one.name or one.module).rpartition(".")[2].startswith("_")


@pytest.mark.parametrize("package", PACKAGES)
def test_others_import_only_what_a_package_names(package: str) -> None:
    wrong = [str(one) for one in across_packages() if one.module.partition(".")[0] == package and not is_public(one)]
    assert wrong == [], f"not in PUBLIC_MODULES of {package}/__init__.py"


@pytest.mark.parametrize("public", [module for modules in PUBLIC.values() for module in modules])
def test_what_is_public_is_there_and_imported_by_others(public: str) -> None:
    assert is_module(public)
    assert any(is_below(one.module, public) for one in across_packages()), "nobody imports it: it need not be public"


@pytest.mark.parametrize("package", PACKAGES)
def test_public_modules_stand_in_order(package: str) -> None:
    assert list(PUBLIC[package]) == sorted(set(PUBLIC[package]))


@pytest.mark.parametrize(
    "line",
    [
        "from event_log.kafka.fetcher import Fetcher",
        "from event_log.kafka import fetcher",
        "import event_log.kafka.fetcher",
        "from event_log.port import _hidden",
        "def late():\n    from event_log.kafka.fetcher import Fetcher",
    ],
)
def test_a_module_that_is_not_public_would_be_found(line: str) -> None:
    assert not all(map(is_public, imports_in(line, "somewhere.py")))
