"""The stock Java client, taken from Maven Central, does its tracking calls and reads the registry."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compatibility.training import CLIENT_ENVIRONMENT

JAVA = Path(__file__).parent / "java"
LIBRARIES = Path(__file__).resolve().parents[2] / "build" / "java-client"
FETCH_TIMEOUT_S = 240
RUN_TIMEOUT_S = 240


def fetch_client() -> None:
    """Copy the client that java/pom.xml names, with what it needs, into LIBRARIES; kept until the pom changes."""
    pom = (JAVA / "pom.xml").read_text()
    fetched = LIBRARIES / "fetched-for.xml"
    if fetched.exists() and fetched.read_text() == pom:
        return
    shutil.rmtree(LIBRARIES, ignore_errors=True)
    subprocess.run(
        ["mvn", "-q", "-B", "-f", JAVA / "pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={LIBRARIES}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=FETCH_TIMEOUT_S,
    )
    fetched.write_text(pom)


def unavailable(reason: str, *, must_be_there: bool) -> None:
    """Fail in CI where the client must be there, skip elsewhere; the reason says what is missing."""
    if must_be_there and os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def seen(server_url: str) -> dict[str, str]:
    """What the Java program saw, by the words before the equals sign."""
    if shutil.which("java") is None:
        unavailable("there is no java on this machine, so the Java client cannot run", must_be_there=False)
    if shutil.which("mvn") is None:
        unavailable("there is no mvn on this machine to fetch the Java client with", must_be_there=True)
    try:
        fetch_client()
    except subprocess.SubprocessError as failure:
        unavailable(f"the Java client could not be fetched from Maven Central: {failure}", must_be_there=True)
    # To move artifacts the Java client calls the Python one, by the name `python`.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "_MLFLOW_"))}
    done = subprocess.run(
        ["java", "-Dfile.encoding=UTF-8", "-cp", f"{LIBRARIES}/*", str(JAVA / "TrackingCalls.java"), server_url],
        env={**inherited, **CLIENT_ENVIRONMENT, "PATH": path},
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


EXPECTED = {
    "experiment by name": "true",
    "experiment tag": "red",
    "unknown experiment by name": "false",
    "experiment created again": "400 RESOURCE_ALREADY_EXISTS",
    "unknown experiment": "404 RESOURCE_DOES_NOT_EXIST",
    "experiments found": "1",
    "experiments found after delete": "0",
    "experiment lifecycle": "active",
    "run status": "RUNNING",
    "param changed": "400 INVALID_PARAMETER_VALUE",
    "history": "0:100:1.0,1:101:0.5,2:102:0.3333333333333333",
    "metrics": "inf:1.7976931348623157E308,loss:0.3333333333333333,nan:NaN",
    "params": "depth:3,lr:0.1",
    "tags": "kind:tree",
    "terminated": "FAILED 5000",
    "runs found": "1",
    "losses by page": "2.00,1.00,0.33,0.00",
    "bad filter": "400 INVALID_PARAMETER_VALUE",
    "deleted runs": "1",
    "write to a deleted run": "400 INVALID_PARAMETER_VALUE",
    "run lifecycle": "active",
    "artifact folders": "folder",
    "artifact size": "9",
    "artifact content": "from java",
    "registered model": "true",
    "model version": "Staging READY",
    "run of a version": "true",
    "latest versions": "None:3,Staging:2",
    "latest in a stage": "2",
    "download uri": "true",
    "unknown version": "404 RESOURCE_DOES_NOT_EXIST",
    "versions by page": "3,2,1",
    "model content": "a model",
}


@pytest.mark.parametrize("what", EXPECTED)
def test_the_java_client_sees(seen: dict[str, str], what: str) -> None:
    assert seen[what] == EXPECTED[what]
