"""What a server finds, page after page: nothing is held but one page."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import click

from tracklog.cli.remote import MLFLOW_2, Remote

RUNS_PAGE: Final = 1000
EXPERIMENTS_PAGE: Final = 1000
REGISTRY_PAGE: Final = 1000

VIEWS: Final = {"active_only": "ACTIVE_ONLY", "deleted_only": "DELETED_ONLY", "all": "ALL"}

view_option: Final = click.option(
    "-v", "--view", type=click.Choice(list(VIEWS)), default="active_only", show_default=True, help="Which of them."
)


def runs(remote: Remote, experiment_id: str, view: str = "active_only", query: str = "") -> Iterator[Any]:
    """The runs of an experiment, newest first, as the API answers them."""
    asked = {"experiment_ids": [experiment_id], "run_view_type": VIEWS[view], "max_results": RUNS_PAGE}
    yield from _pages(remote, "runs", {**asked, "filter": query})


def experiments(remote: Remote, view: str, most: int | None) -> Iterator[Any]:
    """Experiments, at most so many, newest first."""
    for number, one in enumerate(
        _pages(remote, "experiments", {"view_type": VIEWS[view], "max_results": EXPERIMENTS_PAGE})
    ):
        if number == most:
            return
        yield one


def registered_models(remote: Remote, query: str = "") -> Iterator[Any]:
    """Registered models by name."""
    yield from _registry_pages(remote, "registered-models", query)


def model_versions(remote: Remote, query: str = "") -> Iterator[Any]:
    """Versions of registered models, by model, the newest first."""
    yield from _registry_pages(remote, "model-versions", query)


def _registry_pages(remote: Remote, what: str, query: str) -> Iterator[Any]:
    asked = {"max_results": str(REGISTRY_PAGE), **({"filter": query} if query else {})}
    return _all_of(lambda more: remote.get(f"{MLFLOW_2}/{what}/search", **asked, **more), what.replace("-", "_"))


def _pages(remote: Remote, what: str, asked: dict[str, Any]) -> Iterator[Any]:
    return _all_of(lambda more: remote.change("POST", f"{MLFLOW_2}/{what}/search", **asked, **more), what)


def _all_of(page_after: Callable[[dict[str, str]], Any], what: str) -> Iterator[Any]:
    token = ""
    while True:
        page = page_after({"page_token": token} if token else {})
        yield from page.get(what, ())
        token = page.get("next_page_token", "")
        if not token:
            return
