"""In a wheel every package lies below `tracklog`, and is imported from there."""

from pathlib import Path

import pytest

from scripts.wheel_layout import move_below, with_imports_below

NAMES = {"schemas", "ingest"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("from schemas import events", "from tracklog.schemas import events"),
        ("from schemas.events import RunCreated", "from tracklog.schemas.events import RunCreated"),
        ("from schemas.events import (\n    A,\n    B,\n)", "from tracklog.schemas.events import (\n    A,\n    B,\n)"),
        ("def f():\n    from ingest.x import y", "def f():\n    from tracklog.ingest.x import y"),
        ("if T:\n    from ingest import y", "if T:\n    from tracklog.ingest import y"),
    ],
)
def test_what_is_imported_from_one_of_ours_comes_from_below_tracklog(line: str, expected: str) -> None:
    assert with_imports_below(line, NAMES) == expected


@pytest.mark.parametrize(
    "line",
    [
        "from tracklog.schemas import x",
        "from schemas_of_others import x",
        "from . import schemas",
        "import json",
        '"""As in `from schemas import x`.\nfrom schemas import x\n"""',
        "# from schemas import x",
        "schemas = 1",
    ],
)
def test_everything_else_stays(line: str) -> None:
    assert with_imports_below(line, NAMES) == line


def test_a_line_keeps_its_number() -> None:
    source = '"""Ä."""\n\nfrom schemas import x\nfrom json import loads\n'
    assert with_imports_below(source, NAMES) == source.replace("from schemas", "from tracklog.schemas")


def test_an_import_that_gives_the_name_of_the_package_is_refused() -> None:
    with pytest.raises(ValueError, match=r"line 2: .* instead of `import schemas\.events`"):
        with_imports_below("import json\nimport schemas.events\n", NAMES)


def test_packages_move_with_their_data_over_those_of_an_earlier_build(tmp_path: Path) -> None:
    for folder in ("tracklog/schemas", "schemas/rest", "ingest"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tracklog/schemas/gone.py").write_text("")
    (tmp_path / "tracklog/a.py").write_text("from ingest import x\n")
    (tmp_path / "schemas/rest/b.py").write_text("from schemas import c\n")
    (tmp_path / "schemas/c.sql").write_text("select 1")

    move_below(tmp_path, NAMES)

    files = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {
        "tracklog/a.py": "from tracklog.ingest import x\n",
        "tracklog/schemas/rest/b.py": "from tracklog.schemas import c\n",
        "tracklog/schemas/c.sql": "select 1",
    }
