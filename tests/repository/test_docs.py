"""What the pages claim, and what the code does, are the same."""

import ast
import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import click
import pytest
import yaml

from schemas import errors
from schemas.errors import TracklogError
from tracklog.cli import server
from tracklog.cli.commands import COMMANDS, tracklog
from tracklog.proving import metrics as proof_metrics
from tracklog.web import metrics
from tracklog.webhooks import metrics as webhook_metrics

ROOT: Final = Path(__file__).resolve().parents[2]
OPERATING_PAGES: Final = ROOT / "docs" / "operating"
OPERATING: Final = "\n".join(page.read_text() for page in sorted(OPERATING_PAGES.glob("*.md")))

METRIC_NAMES: Final = sorted(
    value
    for declared in (metrics, proof_metrics, webhook_metrics)
    for value in vars(declared).values()
    if isinstance(value, str) and re.fullmatch("tracklog_[a-z_]+", value)
)
ERROR_CODES: Final = sorted(
    {one.error_code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, TracklogError)}
)
DOCS: Final = sorted(ROOT.glob("docs/**/*.md"))
PAGES: Final = sorted([*ROOT.glob("*.md"), *DOCS])
LONG_LINES: Final = 150
"""What a reader finds in without a table of contents."""
WITH_CONTENTS: Final = [page for page in PAGES if "\n## Contents\n" in page.read_text()]


def options_of(command: str) -> list[str]:
    """The long names of the options of a command, and of those in it, but `--help`."""
    module = tracklog.get_command(click.Context(tracklog), command)
    assert module is not None
    inside = module.commands.values() if isinstance(module, click.Group) else ()
    return [
        option
        for one in (module, *inside)
        for parameter in one.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    ]


@pytest.mark.parametrize("option", [option for command in COMMANDS for option in options_of(command)])
def test_every_option_is_in_an_operating_page(option: str) -> None:
    if option == "--progress":  # what is so without it
        return
    assert re.search(rf"`{re.escape(option)}[ `]", OPERATING), option


@pytest.mark.parametrize("option", re.findall(r"`(--[a-z-]+)", OPERATING))
def test_every_option_of_the_operating_pages_is_there(option: str) -> None:
    assert option in {option for command in COMMANDS for option in options_of(command)}


@pytest.mark.parametrize("parameter", server.command.params, ids=lambda parameter: str(parameter.name))
def test_an_environment_name_stands_beside_its_option(parameter: object) -> None:
    hidden, name = getattr(parameter, "hidden", False), getattr(parameter, "envvar", None)
    if hidden or name is None:
        return
    option = next(option for option in getattr(parameter, "opts", ()) if option.startswith("--"))
    rows = (OPERATING_PAGES / "options.md").read_text().splitlines()
    row = next(line for line in rows if line.startswith(f"| `{option}`"))
    assert f"`{name}`" in row


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_an_operating_page(name: str) -> None:
    assert f"`tracklog {name}`" in OPERATING


@pytest.mark.parametrize("name", METRIC_NAMES)
def test_every_metric_is_in_an_operating_page(name: str) -> None:
    assert f"| `{name}` |" in OPERATING


def test_no_metric_of_the_operating_pages_is_missing() -> None:
    assert set(re.findall(r"^\| `(tracklog_[a-z_]+)`", OPERATING, re.MULTILINE)) == set(METRIC_NAMES)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_error_code_is_in_an_operating_page(code: str) -> None:
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


def test_a_page_is_short_or_begins_with_its_sections() -> None:
    long = [page for page in DOCS if len(page.read_text().splitlines()) > LONG_LINES]
    assert [page.name for page in long if page not in WITH_CONTENTS] == []


def entries(navigation: object) -> list[str]:
    """The pages that a part of the navigation names."""
    if isinstance(navigation, str):
        return [navigation]
    parts = navigation.values() if isinstance(navigation, dict) else navigation
    assert isinstance(parts, Iterable)
    return [page for part in parts for page in entries(part)]


def test_the_navigation_of_the_site_leads_to_every_page_once() -> None:
    """Of the decision records to their index, which names each."""
    settings = (ROOT / "mkdocs.yml").read_text()
    navigation = yaml.safe_load(settings[settings.index("\nnav:\n") :])["nav"]
    pages = [str(page.relative_to(ROOT / "docs")) for page in DOCS]
    assert sorted(entries(navigation)) == [page for page in pages if not re.match("adr/[0-9]", page)]


def test_the_page_of_the_schemas_names_each() -> None:
    named = re.findall(r"\]\(events/(.+?)\)", (ROOT / "docs" / "event-schemas.md").read_text())
    assert sorted(named) == sorted(file.name for file in (ROOT / "docs" / "events").iterdir())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_a_page_names_is_there(page: Path) -> None:
    for name in re.findall(r"`([a-z_]+/[a-z_/]+\.(?:py|lark|md|json|svg|png))`", page.read_text()):
        assert (ROOT / name).exists(), name


TARGETS: Final = {
    *re.findall(r"`?make ([a-z0-9-]+(?:\.\d+)?)`?", (ROOT / "README.md").read_text() + OPERATING),
    *(
        target
        for page in PAGES
        for target in re.findall(r"(?:`|^ *)make ([a-z0-9-]+(?:\.\d+)?)", page.read_text(), re.MULTILINE)
    ),
}


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_make_target_a_page_names_is_there(target: str) -> None:
    rules = re.findall(r"^([a-z0-9. -]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert target in " ".join(rules).split()


@pytest.mark.parametrize("picture", sorted((ROOT / "docs" / "images").iterdir()), ids=lambda picture: picture.name)
def test_a_picture_is_small(picture: Path) -> None:
    assert picture.stat().st_size < 200_000


def test_the_picture_of_the_architecture_names_the_packages_that_are_there() -> None:
    drawn = re.findall(
        r"([a-z_]+)/", "".join(ElementTree.parse(ROOT / "docs/images/architecture.svg").getroot().itertext())
    )
    table = (ROOT / "docs" / "architecture.md").read_text().split("\n## The packages\n")[1].split("\n## ")[0]
    assert sorted(drawn) == sorted(re.findall(r"^\| `([a-z_]+)/` ", table, re.MULTILINE))


def test_every_environment_variable_of_the_tests_is_told_to_contributors() -> None:
    told = (ROOT / "CONTRIBUTING.md").read_text()
    named = {
        name
        for file in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"\bTRACKLOG_TEST_[A-Z0-9_]+", file.read_text())
    }
    assert {name for name in named if f"`{name}`" not in told} - {"TRACKLOG_TEST_"} == set()


def tools(commands: str) -> set[str]:
    """What a recipe or a hook runs of the environment."""
    return set(re.findall(r"(?:\$\(BIN\)|\.venv/bin)/([a-z-]+)", commands))


def test_pre_commit_runs_the_tools_of_make_check() -> None:
    check = re.search(r"^check: (.*)\n((?:\t.+\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert check is not None
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = " ".join(hook["entry"] for hook in local["hooks"])
    assert tools(check[2]) <= tools(hooks)
    assert {target for target in check[1].split() if target.isalpha()} <= set(hooks.split())


def blocks(page: Path, language: str) -> list[str]:
    """The examples of a page in a language."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return found


def commands_in(text: str) -> list[list[str]]:
    """The arguments of each `tracklog` that a shell would run in `text`."""
    lines = [re.sub(r"^\S*/", "", line.strip()) for line in text.replace("\\\n", " ").splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("tracklog ")]


SHELL: Final = [(page, block) for page in PAGES for block in [*blocks(page, "sh"), *blocks(page, "console")]]


@pytest.mark.parametrize(("page", "block"), SHELL, ids=lambda part: part.name if isinstance(part, Path) else "")
def test_what_a_page_types_into_a_shell_is_of_its_grammar(page: Path, block: str) -> None:
    read = subprocess.run(["sh", "-n"], input=block, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, ""), page


RUN_BY: Final = {
    "README.md": ["tests/integration/test_readme.py"],
    "docs/data-frames.md": ["tests/integration/test_frames.py"],
    "docs/model-registry.md": ["tests/integration/test_model_registry_page.py"],
    "docs/operating/from-mlflow-server.md": ["tests/integration/test_operating_pages.py"],
    "docs/reading-the-log.md": ["tests/contracts/test_reading_the_log.py"],
    "docs/webhooks.md": ["tests/repository/test_webhooks_page.py", "tests/compatibility/test_webhooks.py"],
}
"""The pages that show Python, and the tests that run it."""


def test_python_that_a_page_shows_is_run_by_a_test() -> None:
    assert sorted(RUN_BY) == sorted(str(page.relative_to(ROOT)) for page in PAGES if blocks(page, "python"))
    for page, tests in RUN_BY.items():
        for test in tests:
            assert Path(page).name in (ROOT / test).read_text()
        for block in blocks(ROOT / page, "python"):
            ast.parse(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_example_is_in_a_language_that_a_test_reads(page: Path) -> None:
    """A shell and Python as above; the `ini` of a service and `nginx` as the pages that show one are tested."""
    fences = re.findall(r"^```(.*)$", page.read_text(), re.MULTILINE)
    assert set(fences[::2]) <= {"sh", "console", "python", "ini", "nginx"}
    assert set(fences[1::2]) <= {""}


EXAMPLES: Final = [arguments for _, block in SHELL for arguments in commands_in(block)]


@pytest.mark.parametrize("arguments", EXAMPLES, ids=" ".join)
def test_a_command_that_an_example_types_is_one(arguments: list[str]) -> None:
    parsed(arguments)


def parsed(arguments: list[str]) -> None:
    """Raises click's error where the command line takes them otherwise than an example says."""
    name, *options = arguments
    command = tracklog.get_command(click.Context(tracklog), name)
    assert command is not None, name
    command.make_context(name, options)


def test_the_service_that_a_page_shows_is_one_that_starts() -> None:
    (unit,) = blocks(OPERATING_PAGES / "starting.md", "ini")
    (command,) = re.findall(r"^ExecStart=\S+/(tracklog .*)$", unit, re.MULTILINE)
    parsed(shlex.split(command)[1:])
    known = {name for parameter in server.command.params if isinstance(name := parameter.envvar, str)}
    named = re.findall(r"^Environment=([A-Z_]+)=", unit, re.MULTILINE)
    assert named
    assert set(named) <= known


def test_the_figures_of_sizes_are_those_that_were_measured() -> None:
    sizes = (OPERATING_PAGES / "sizes.md").read_text()
    figures = re.findall(r"\d[\d,]*\.?\d*(?= (?:MB|a second|bytes|ms)|, \d[\d,.]* MB)", sizes)
    measured = (ROOT / "docs" / "performance.md").read_text()
    assert len(figures) >= 8
    assert [figure for figure in figures if figure not in measured] == []
