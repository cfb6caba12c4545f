"""The pages as text: templates filled in. Everything that somebody wrote is escaped by the template language."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from query_api.history_page.assets import version_of
from query_api.history_page.entries import with_query

FOLDER: Final = Path(__file__).parent

HISTORY: Final = "history.html"
EVENT: Final = "event.html"
COMPARISON: Final = "comparison.html"
ERROR: Final = "error.html"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["link"] = _link
    environment.globals["version_of"] = version_of
    return environment


def _link(path: str, **fields: str) -> str:
    return with_query(path, ((name, value) for name, value in fields.items() if value))


def page_text(template: str, **values: Any) -> str:
    """The HTML of a template of this package."""
    return _templates().get_template(template).render(**values)
