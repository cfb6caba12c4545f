"""What every test may ask for."""

import asyncio
import gc
import os
import tracemalloc  # noqa: F401  # pytest imports it to tell of what was left open, which fails in a finalizer
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.examples import register_profiles

pytest_plugins = ["tests.services.fixtures"]

register_profiles()


MEASURED: Final = tuple(Path(__file__).parent / tier for tier in ("unit", "contracts", "integration"))
"""Whose branch coverage counts, but for what is marked `no_cover`: what measures memory, or moves much data. The other
tiers speak to servers from outside, for long, and find what these have found."""

PROCESSES_ARE_MEASURED: Final = "COVERAGE_PROCESS_CONFIG"
"""Where coverage.py tells the processes that tests start to measure themselves."""

told_to_processes: Final = pytest.StashKey[str]()


def is_measured(item: pytest.Item) -> bool:
    return any(item.path.is_relative_to(folder) for folder in MEASURED) and not item.get_closest_marker("no_cover")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """The workers are measured by pytest-cov, and must not begin by themselves besides."""
    os.environ.pop(PROCESSES_ARE_MEASURED, None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let the processes of a measured test measure themselves, and no others."""
    told = os.environ.pop(PROCESSES_ARE_MEASURED, None)
    if told is not None:
        item.config.stash[told_to_processes] = told
    if is_measured(item) and told_to_processes in item.config.stash:
        os.environ[PROCESSES_ARE_MEASURED] = item.config.stash[told_to_processes]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a service, by its fixtures or by a parameter that names one: `-m "not service"` needs none."""
    from tests.services import fixtures  # not above, where pytest would find its own plug-in imported already

    services = {name for name in vars(fixtures) if not name.startswith("_")}
    for item in items:
        if not is_measured(item) and item.config.pluginmanager.hasplugin("_cov"):
            item.add_marker("no_cover")
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if services & set(getattr(item, "fixturenames", ())) or "postgresql" in map(str, parameters.values()):
            item.add_marker(pytest.mark.service)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nearly all that is made here stays, and to look for garbage among it takes a tenth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    _leave_to_the_end()


@pytest.fixture(scope="module", autouse=True)
def garbage_of_its_own() -> Iterator[None]:
    """What a module leaves open is found while the module is still named, not somewhere later."""
    yield
    _leave_to_the_end()


def _leave_to_the_end() -> None:
    """Collect what is garbage. What is not is put aside: to look at it after each module took most of the time."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Find what became garbage after it was put aside. Pytest looks five times more: not at all of it again."""
    gc.unfreeze()
    _leave_to_the_end()


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The kind of event loop that a module names as its `LOOP`, else the ordinary one."""
    module = item.getparent(pytest.Module)
    return {"loop": getattr(module and module.obj, "LOOP", asyncio.new_event_loop)}
