"""What every test may ask for."""

import asyncio
import gc
import tracemalloc  # noqa: F401  # pytest imports it to tell of what was left open, which fails in a finalizer
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import settings

pytest_plugins = ["tests.services.fixtures"]

# No example of a property has a deadline: machines are busy.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a service, by its fixtures or by a parameter that names one: `-m "not service"` needs none."""
    from tests.services import fixtures  # not above, where pytest would find its own plug-in imported already

    services = {name for name in vars(fixtures) if not name.startswith("_")}
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if services & set(getattr(item, "fixturenames", ())) or "postgresql" in map(str, parameters.values()):
            item.add_marker(pytest.mark.service)


@pytest.fixture(scope="module", autouse=True)
def garbage_of_its_own() -> Iterator[None]:
    """What a module leaves open is found while the module is still named, not somewhere later."""
    yield
    gc.collect()


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The kind of event loop that a module names as its `LOOP`, else the ordinary one."""
    module = item.getparent(pytest.Module)
    return {"loop": getattr(module and module.obj, "LOOP", asyncio.new_event_loop)}
