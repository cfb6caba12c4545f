"""What holds of the routes of all roles together."""

from collections import defaultdict
from functools import partial

from schemas.rest.route import Handler
from tracklog.serving.route_catalog import built_routes


def name_in_a_traceback(handler: Handler) -> str:
    while isinstance(handler, partial):
        handler = handler.func
    return str(handler.__code__.co_name)


def test_a_traceback_tells_the_handlers_of_any_two_routes_apart() -> None:
    paths = defaultdict(set)
    for route in built_routes():
        paths[name_in_a_traceback(route.handler)].add(route.path)
    assert {name: shared for name, shared in paths.items() if len(shared) > 1} == {}
