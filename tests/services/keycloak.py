"""Keycloak, a provider of OpenID Connect, with its database in files that are made once."""

import http.client
import json
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.services.cache import cached
from tests.services.command import run_to_make
from tests.services.java import java_for
from tests.services.kept_secret import kept_secret
from tests.services.missing import ServiceMissing
from tests.services.ports import HOST, free_port
from tests.services.process import ServiceProcess

VERSION = "26.0.0"
JAVA_VERSIONS = range(17, 22)
DOWNLOAD_TIMEOUT_S = 900.0
BUILD_TIMEOUT_S = 300.0

ADMIN = "admin"

QUICK = "-XX:TieredStopAtLevel=1"
"""Compile quickly and not well: it does not live long enough to be fast."""


def java() -> str:
    """A Java that Keycloak runs on. Raises ServiceMissing."""
    return java_for("Keycloak", JAVA_VERSIONS)


def made() -> Path:
    """A Keycloak that was started once: its tables and its administrator are there. Raises ServiceMissing."""
    return cached(f"keycloak-{VERSION}-made", _make)


def _make(folder: Path) -> None:
    with zipfile.ZipFile(_downloaded() / "keycloak.zip") as archive:
        archive.extractall(folder)
    (unpacked,) = folder.glob("keycloak-*")
    for path in unpacked.iterdir():
        path.rename(folder / path.name)
    unpacked.rmdir()
    password = kept_secret(folder / "password")
    run_to_make(
        ["sh", str(folder / "bin" / "kc.sh"), "build", "--db=dev-file", "--health-enabled=true"],
        "Keycloak could not be built",
        BUILD_TIMEOUT_S,
        environment(),
    )
    logs = Path(tempfile.mkdtemp(prefix="keycloak-"))
    try:
        first = KeycloakProcess(
            logs, folder, {"KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN, "KC_BOOTSTRAP_ADMIN_PASSWORD": password}
        )
        with first:
            pass
    finally:
        shutil.rmtree(logs)


def _downloaded() -> Path:
    return cached(f"keycloak-{VERSION}-zip", _download)


def _download(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServiceMissing("Keycloak is fetched by Maven, which is not installed (Debian: apt-get install maven).")
    artifact = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
    fetched = subprocess.run(
        [maven, "--batch-mode", "--quiet", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DOWNLOAD_TIMEOUT_S,
        check=False,
    )
    if fetched.returncode:
        raise ServiceMissing(f"Maven could not fetch Keycloak {VERSION}: {' '.join(fetched.stdout.split())[-600:]}")
    (archive,) = folder.glob("*.zip")
    archive.rename(folder / "keycloak.zip")


def environment() -> dict[str, str]:
    """By what Keycloak's script finds its Java."""
    return {"JAVA_HOME": "", "JAVA": java(), "JAVA_OPTS_APPEND": QUICK, "KC_CACHE": "local"}


class KeycloakProcess(ServiceProcess):
    """A Keycloak whose files are in `home`, its data among them."""

    name = "keycloak"

    def __init__(self, folder: Path, home: Path, variables: Mapping[str, str] | None = None) -> None:
        super().__init__(folder)
        self._home = home
        self._variables = dict(variables or {})
        self._health_port = free_port()

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def environment(self) -> Mapping[str, str]:
        return {**environment(), **self._variables}

    def command(self) -> list[str]:
        return [
            *("sh", str(self._home / "bin" / "kc.sh"), "start", "--optimized", "--http-enabled=true"),
            *(f"--http-host={HOST}", f"--http-port={self.port}", f"--http-management-port={self._health_port}"),
            *("--hostname-strict=false",),
        ]

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._health_port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Keycloak(KeycloakProcess):
    """One that was made before, on a copy of its data, with its REST interface of administration."""

    def __init__(self, folder: Path) -> None:
        self._made = made()
        home = folder / "home"
        super().__init__(folder, home)
        home.mkdir()
        for path in self._made.iterdir():
            if path.name in ("data", "bin", "conf"):
                shutil.copytree(path, home / path.name)
            elif path.name != "password":
                (home / path.name).symlink_to(path)
        self._token = ""

    def issuer(self, realm: str) -> str:
        return f"{self.url}/realms/{realm}"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What a request to `/admin/realms` below `path` is answered, as its administrator; the id of what was made."""
        self._token = self._token or self._new_token()
        request = urllib.request.Request(
            f"{self.url}/admin/realms{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                location = answer.headers.get("Location", "")
                said = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 401:  # its tokens live for a minute
                self._token = ""
                return self.ask(method, path, body)
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(said) if said else location.rpartition("/")[2]

    def token(self, realm: str, *, base: str | None = None, **form: str) -> dict[str, Any]:
        """What the token endpoint of a realm answers, reached by `base` where that is given. Raises HTTPError."""
        url = f"{base or self.url}/realms/{realm}/protocol/openid-connect/token"
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=60) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def _new_token(self) -> str:
        password = kept_secret(self._made / "password")
        form = {"grant_type": "password", "client_id": "admin-cli", "username": ADMIN, "password": password}
        return str(self.token("master", **form)["access_token"])
