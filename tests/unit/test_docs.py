"""What the pages claim, and what the code does, are the same."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from schemas import errors
from schemas.errors import TracklogError
from tracklog.cli import server
from tracklog.cli.commands import COMMANDS, tracklog
from tracklog.web import metrics

ROOT: Final = Path(__file__).resolve().parents[2]
OPERATING: Final = (ROOT / "docs" / "operating.md").read_text()

METRIC_NAMES: Final = sorted(
    value for value in vars(metrics).values() if isinstance(value, str) and re.fullmatch("tracklog_[a-z_]+", value)
)
ERROR_CODES: Final = sorted(
    {one.error_code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, TracklogError)}
)
PAGES: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
WITH_CONTENTS: Final = [page for page in PAGES if "\n## Contents\n" in page.read_text()]


def options_of(command: str) -> list[str]:
    """The long names of a command's options but `--help`."""
    module = tracklog.get_command(None, command)  # type: ignore[arg-type]
    assert module is not None
    return [
        option
        for parameter in module.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    ]


@pytest.mark.parametrize("option", [option for command in COMMANDS for option in options_of(command)])
def test_every_option_is_in_the_operating_page(option: str) -> None:
    if option == "--progress":  # what is so without it
        return
    assert re.search(rf"`{re.escape(option)}[ `]", OPERATING), option


@pytest.mark.parametrize("option", re.findall(r"`(--[a-z-]+)", OPERATING))
def test_every_option_of_the_operating_page_is_there(option: str) -> None:
    assert option in {option for command in COMMANDS for option in options_of(command)}


@pytest.mark.parametrize("parameter", server.command.params, ids=lambda parameter: str(parameter.name))
def test_an_environment_name_stands_beside_its_option(parameter: object) -> None:
    hidden, name = getattr(parameter, "hidden", False), getattr(parameter, "envvar", None)
    if hidden or name is None:
        return
    option = next(option for option in getattr(parameter, "opts", ()) if option.startswith("--"))
    row = next(line for line in OPERATING.splitlines() if line.startswith(f"| `{option}`"))
    assert f"`{name}`" in row


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_operating_page(name: str) -> None:
    assert f"`tracklog {name}`" in OPERATING


@pytest.mark.parametrize("name", METRIC_NAMES)
def test_every_metric_is_in_the_operating_page(name: str) -> None:
    assert f"| `{name}` |" in OPERATING


def test_no_metric_of_the_operating_page_is_missing() -> None:
    assert set(re.findall(r"^\| `(tracklog_[a-z_]+)`", OPERATING, re.MULTILINE)) == set(METRIC_NAMES)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_error_code_is_in_the_operating_page(code: str) -> None:
    assert f"`{code}`" in OPERATING


def headings(page: Path, depths: str) -> list[str]:
    """The titles in a page of those `depths`, as `2` or `1,6`; what stands in an example is none."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(rf"^#{{{depths}}} (.+)$", prose, re.MULTILINE)


def anchor(heading: str) -> str:
    """How a link names a heading, by GitHub's rule."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, fragment = target.partition("#")
        other = page.parent / path if path else page
        assert other.exists(), target
        if fragment and other.suffix == ".md":
            assert fragment in map(anchor, headings(other, "1,6")), target


@pytest.mark.parametrize("page", WITH_CONTENTS, ids=lambda page: page.name)
def test_a_long_page_begins_with_its_sections_in_order(page: Path) -> None:
    """A new section `## Title` needs its line `- [Title](#title)` below `## Contents`."""
    contents = page.read_text().split("## Contents\n", 1)[1].split("\n## ", 1)[0]
    sections = [title for title in headings(page, "2") if title != "Contents"]
    assert re.findall(r"^- \[(.+)\]\(#(.+)\)$", contents, re.MULTILINE) == [
        (title, anchor(title)) for title in sections
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_a_page_names_is_there(page: Path) -> None:
    for name in re.findall(r"`([a-z_]+/[a-z_/]+\.(?:py|lark|md))`", page.read_text()):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("target", re.findall(r"`?make ([a-z0-9-]+)`?", (ROOT / "README.md").read_text() + OPERATING))
def test_every_make_target_a_page_names_is_there(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


def blocks(page: Path, language: str) -> list[str]:
    """The examples of a page in a language."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return found


def commands_in(text: str) -> list[list[str]]:
    """The arguments of each `tracklog` that a shell would run in `text`."""
    lines = [re.sub(r"^\S*/", "", line.strip()) for line in text.replace("\\\n", " ").splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("tracklog ")]


EXAMPLES: Final = [
    arguments
    for page in PAGES
    for block in [*blocks(page, "sh"), *blocks(page, "console")]
    for arguments in commands_in(block)
]


@pytest.mark.parametrize("arguments", EXAMPLES, ids=" ".join)
def test_a_command_that_an_example_types_is_one(arguments: list[str]) -> None:
    parsed(arguments)


def parsed(arguments: list[str]) -> None:
    """Raises click's error where the command line takes them otherwise than an example says."""
    name, *options = arguments
    command = tracklog.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None, name
    command.make_context(name, options)


def test_the_service_that_a_page_shows_is_one_that_starts() -> None:
    (unit,) = blocks(ROOT / "docs" / "deploying.md", "ini")
    (command,) = re.findall(r"^ExecStart=\S+/(tracklog .*)$", unit, re.MULTILINE)
    parsed(shlex.split(command)[1:])
    known = {name for parameter in server.command.params if isinstance(name := parameter.envvar, str)}
    named = re.findall(r"^Environment=([A-Z_]+)=", unit, re.MULTILINE)
    assert named
    assert set(named) <= known


def test_the_figures_of_sizes_are_those_that_were_measured() -> None:
    sizes = (ROOT / "docs" / "deploying.md").read_text().split("\n## Sizes\n")[1].split("\n## ")[0]
    figures = re.findall(r"\d[\d,]*\.?\d*(?= (?:MB|a second|bytes|ms)|, \d[\d,.]* MB)", sizes)
    measured = (ROOT / "docs" / "performance.md").read_text()
    assert len(figures) >= 8
    assert [figure for figure in figures if figure not in measured] == []
