"""The table of what each route asks for is the one in the docs."""

from scripts.permission_matrix import PAGE, page, rows


def test_the_page_has_every_route_with_what_it_asks_for() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run python -m scripts.permission_matrix"


def test_the_table_is_about_all_routes() -> None:
    table = list(rows())
    assert len(table) > 90
    assert sum("READ on" in row for row in table) > 10
