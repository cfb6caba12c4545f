"""`compose.yaml` as Docker would read it, for tests where Docker is not there."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.services.leash import REPOSITORY

COMPOSE_FILE = REPOSITORY / "compose.yaml"
EXAMPLE_FILE = REPOSITORY / ".env.example"

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<operator>:?[-?])(?P<operand>[^}]*))?\}")


class VariableMissing(Exception):
    """A variable must be set; the message is what the file says of it."""


def variables_in(text: str) -> set[str]:
    """The variables that a compose file takes from its surroundings."""
    return {match["name"] for match in _VARIABLE.finditer(text)}


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """The text with its variables filled in, by the rules of the Compose specification. Raises VariableMissing."""

    def value_of(match: re.Match[str]) -> str:
        name, operator, operand = match["name"], match["operator"] or "", match["operand"] or ""
        value = environment.get(name)
        if value or (value is not None and not operator.startswith(":")):
            return value
        if operator.endswith("?"):
            raise VariableMissing(f"{name}: {operand}")
        return operand

    return _VARIABLE.sub(value_of, text)


def variables_of_file(file: Path) -> dict[str, str]:
    """The variables that a `.env` file sets."""
    lines = (line for line in file.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def composed(environment: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables filled in. Raises VariableMissing."""
    found: dict[str, Any] = yaml.safe_load(interpolated(COMPOSE_FILE.read_text(), environment))
    return found
