"""What can be known of `compose.yaml` and the image without Docker: that each piece fits the next."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tests.services.compose_file import (
    COMPOSE_FILE,
    EXAMPLE_FILE,
    VariableMissing,
    composed,
    interpolated,
    variables_in,
    variables_of_file,
)
from tests.services.containers import KAFKA_IMAGE, MINIO_IMAGE, POSTGRESQL_IMAGE, variable_of
from tests.services.kafka import kafka_properties
from tests.services.leash import REPOSITORY
from tests.services.missing import ServiceMissing, leave_out
from tests.services.nginx import binary
from tracklog.cli.commands import tracklog as command_line
from tracklog.settings.process import Settings
from tracklog.settings.store_uris import KafkaTopic, PostgresqlDatabase, SharedStores
from tracklog.settings.webhooks import KEY_VARIABLE

PASSWORDS = {"POSTGRES_PASSWORD": "a1", "MINIO_ROOT_PASSWORD": "b2"}
OUR_IMAGE = "tracklog"
ROLES = {"ingest", "projector", "query", "artifacts", "webhooks"}

S3_VARIABLES = {"MLFLOW_S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}
"""Read by the S3 store and the library below it, not by the command line."""

BESIDE_THE_OPTIONS = {*S3_VARIABLES, KEY_VARIABLE}

IMAGE_VARIABLES = {
    "postgresql": {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"},
    "minio": {"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "MINIO_BROWSER"},
    "make-bucket": {"MC_HOST_store"},
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = composed({**variables_of_file(EXAMPLE_FILE), **PASSWORDS})["services"]
    return found


def ours(services: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in services.items() if service["image"] == OUR_IMAGE}


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def command_of(service: dict[str, Any]) -> click.Command:
    found = command_line.get_command(click.Context(command_line), service["command"][0])
    assert found is not None, service["command"]
    return found


@pytest.mark.parametrize("missing", sorted(PASSWORDS))
def test_without_a_password_nothing_starts(missing: str) -> None:
    given = {**variables_of_file(EXAMPLE_FILE), **PASSWORDS, missing: ""}
    with pytest.raises(VariableMissing, match=f"{missing}: .*env.example"):
        composed(given)
    with pytest.raises(VariableMissing, match=missing):
        composed({name: value for name, value in given.items() if name != missing})


def test_the_example_names_the_variables_there_are_and_has_no_password() -> None:
    example = variables_of_file(EXAMPLE_FILE)
    assert set(example) == variables_in(COMPOSE_FILE.read_text())
    assert {name: example[name] for name in PASSWORDS} == dict.fromkeys(PASSWORDS, "")


def test_the_defaults_are_those_of_the_example() -> None:
    example = {name: value for name, value in variables_of_file(EXAMPLE_FILE).items() if name not in PASSWORDS}
    text = COMPOSE_FILE.read_text()
    assert interpolated(text, PASSWORDS) == interpolated(text, {**example, **PASSWORDS})


def test_the_passwords_are_not_kept_in_the_repository() -> None:
    ignored = subprocess.run(["git", "check-ignore", ".env"], cwd=REPOSITORY, capture_output=True, check=False)
    if ignored.returncode == 128:
        pytest.skip("this is no git repository")
    assert ignored.returncode == 0


def test_each_role_has_a_service() -> None:
    assert set(command_line.list_commands(click.Context(command_line))) >= ROLES
    services = composed(PASSWORDS)["services"]
    assert {service["command"][0] for service in ours(services).values()} == {*ROLES, "proxy-config"}


def test_every_variable_of_a_role_is_one_its_command_knows(services: dict[str, Any]) -> None:
    for name, service in ours(services).items():
        known = {str(option.envvar) for option in command_of(service).params if isinstance(option, click.Option)}
        assert set(environment_of(service)) <= known | BESIDE_THE_OPTIONS, name


def test_every_variable_of_another_image_is_one_it_knows(services: dict[str, Any]) -> None:
    for name, service in services.items():
        given = set(environment_of(service))
        if name == "kafka":
            assert given <= {variable_of(property_name) for property_name in kafka_properties("x:1", "x:2", Path())}
        elif service["image"] != OUR_IMAGE:
            assert given <= IMAGE_VARIABLES.get(name, set()), name


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_role_takes_its_command_and_its_surroundings(
    role: str, services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Settings] = []
    module = command_of(services[role]).callback
    assert module is not None
    monkeypatch.setattr(
        f"tracklog.cli.{role}.run_until_signal", lambda _serve, settings, _announce: taken.append(settings)
    )
    environment = {"MLFLOW_HOST": "0.0.0.0", "MLFLOW_PORT": "5000", **environment_of(services[role])}
    done = CliRunner().invoke(command_line, services[role]["command"], env=environment)
    assert done.exit_code == 0, done.output
    stores = taken[0].stores
    assert isinstance(stores, SharedStores)
    assert stores.read_model == PostgresqlDatabase("postgresql://tracklog:a1@postgresql:5432/tracklog")
    assert isinstance(stores.event_log, KafkaTopic)
    assert stores.event_log.uri == "kafka://kafka:9092/tracklog"
    assert stores.event_log.partitions == 8


def test_the_proxy_finds_each_role_by_the_name_of_its_service(services: dict[str, Any], tmp_path: Path) -> None:
    """Its configuration is the generated one, and a real nginx takes it; only what is not on this machine differs."""
    try:
        nginx = binary()
    except ServiceMissing as missing:
        leave_out(missing)
    arguments = list(services["make-proxy-config"]["command"])
    made_at = arguments[arguments.index("--output") + 1]
    assert made_at in services["proxy"]["command"]
    for role in ("ingest", "query", "artifacts"):
        assert arguments[arguments.index(f"--{role}") + 1] == f"{role}:5000"
        assert role in services

    file = tmp_path / "nginx.conf"
    # Names are followed by newer versions than a system may have, and are not those of this machine.
    without_resolver = arguments.index("--resolver")
    del arguments[without_resolver : without_resolver + 2]
    here = [str(file) if word == made_at else re.sub(r"^[a-z]+:5000$", "127.0.0.1:5000", word) for word in arguments]
    done = CliRunner().invoke(command_line, here)
    assert done.exit_code == 0, done.output
    checked = subprocess.run(
        [nginx, "-t", "-p", str(tmp_path), "-c", str(file), "-e", "stderr", "-g", f"pid {tmp_path}/nginx.pid;"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_only_the_proxy_can_be_reached_and_only_from_this_machine(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    listens = services["make-proxy-config"]["command"]
    assert published == {"proxy": [f"127.0.0.1:5000:{listens[listens.index('--listen') + 1]}"]}


def test_whatever_runs_on_is_started_again_and_says_whether_it_is_well(services: dict[str, Any]) -> None:
    once = {"make-bucket", "make-proxy-config"}
    for name, service in services.items():
        assert service["restart"] == ("on-failure" if name in once else "unless-stopped"), name
        # A role has its check from the image.
        if name not in once and service["image"] != OUR_IMAGE:
            assert service["healthcheck"]["test"], name


def test_nothing_is_waited_for_that_cannot_come(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            runs_on = services[other]["restart"] == "unless-stopped"
            assert how["condition"] == ("service_healthy" if runs_on else "service_completed_successfully"), name


def test_whatever_keeps_data_keeps_it_in_a_named_volume(services: dict[str, Any]) -> None:
    volumes = composed(PASSWORDS)["volumes"]
    used = {mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])}
    assert used == set(volumes)
    assert {"kafka", "postgresql", "minio"} <= used


def test_tests_and_compose_use_the_same_services(services: dict[str, Any]) -> None:
    assert services["kafka"]["image"] == KAFKA_IMAGE
    assert services["minio"]["image"] == MINIO_IMAGE
    assert POSTGRESQL_IMAGE.startswith(services["postgresql"]["image"])


def pins_of(file: Path) -> dict[str, str]:
    """Name and version, and the hashes, of every package a lock file names."""
    entries = re.findall(r"^([a-z0-9._-]+==\S+)((?: \\\n    --hash=\S+)+)", file.read_text(), re.MULTILINE)
    return dict(entries)


def test_the_image_has_the_versions_that_were_tested() -> None:
    runtime, tested = pins_of(REPOSITORY / "requirements-runtime.lock"), pins_of(REPOSITORY / "requirements.lock")
    assert runtime
    assert runtime.items() <= tested.items()


def test_the_image_has_all_that_the_package_needs() -> None:
    project = (REPOSITORY / "pyproject.toml").read_text()
    needed = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert needed is not None
    names = {re.split(r"[\[>=<]", line.strip().strip('",'))[0] for line in needed[1].splitlines() if line.strip()}
    pinned = {pin.split("==")[0] for pin in pins_of(REPOSITORY / "requirements-runtime.lock")}
    assert names <= pinned


def test_the_code_imports_nothing_that_the_image_lacks() -> None:
    lock_file = REPOSITORY / "requirements-runtime.lock"
    command = [sys.executable, "-m", "tests.services.only_runtime", str(lock_file)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    # Libraries of stores other than S3 are imported when an operator names such a store, who then installs them.
    lacking = [
        line
        for line in done.stdout.splitlines()
        if not re.match(r"artifact_proxy\.stores\.(?!s3\.)[\w.]+: No module", line)
    ]
    assert lacking == []


def test_all_that_is_installed_is_let_into_the_image() -> None:
    let_in = {
        line.removeprefix("!") for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    project = (REPOSITORY / "pyproject.toml").read_text()
    packages = re.findall(r'^  "([a-z_]+)\*",$', project, re.MULTILINE)
    assert packages
    assert {*packages, "pyproject.toml", "README.md", "LICENSE", "requirements-runtime.lock"} <= let_in
    for path in let_in:
        assert (REPOSITORY / path).exists(), path


def test_the_image_runs_as_nobody_special_and_can_be_asked_whether_it_is_ready() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    final = dockerfile.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (\S+)$", final, re.MULTILINE) == ["tracklog"]
    check = re.search(r"HEALTHCHECK.*?CMD (\[.*?\])$", final, re.MULTILINE | re.DOTALL)
    assert check is not None
    program, flag, script = json.loads(check[1])
    assert (program, flag) == ("python", "-c")
    compile(script, "HEALTHCHECK", "exec")
    assert "/ready" in script
