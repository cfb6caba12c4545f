"""Writes what each route asks for into docs/operating/permissions.md: `python -m scripts.permission_matrix`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from schemas.rest.access import Rule
from schemas.rest.route import Permission, Route
from tracklog.serving.route_catalog import built_routes

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "operating" / "permissions.md"

BEGIN: Final = "<!-- made by scripts/permission_matrix.py -->\n"

_WORDS: Final = {
    Permission.PUBLIC: "everybody",
    Permission.AUTHENTICATED: "a user",
    Permission.SEEN: "a user; what they may not read is not in the answer",
    Permission.JUDGED: "a user; each part is judged as by the route that does the same",
    Permission.ADMIN: "an administrator",
    Permission.SECRET: "who was given the id of the upload, which is a secret",
}


def described(permission: Permission | Rule) -> str:
    """Who may use a route, in words."""
    if isinstance(permission, Permission):
        return _WORDS[permission]
    return "; ".join(str(part) for part in permission)


def rows() -> Iterator[str]:
    """A row of the table for every route, by path."""
    for route in sorted(built_routes(), key=_place):
        prefixes = ", ".join(f"`{prefix}`" for prefix in route.prefixes if prefix)
        yield f"| {route.method} | `{route.path}` | {prefixes} | {described(route.permission)} |\n"


def page(text: str) -> str:
    """The page with the table as it is now, in the place of the one in `text`."""
    before, _, _ = text.partition(BEGIN)
    table = "| method | path | below | who may |\n|---|---|---|---|\n"
    return f"{before}{BEGIN}\n{table}{''.join(rows())}"


def _place(route: Route) -> tuple[str, str]:
    return route.path, route.method


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
