"""A server whose root lies among what must never be reached, and every way to ask it for a path."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from tests.unit.artifact_proxy.serving import PROXY, Answer, Served, serving

CANARY = b"canary-2f6d8c"
"""What every file outside the root holds."""
HIDDEN_NAME = "hidden-9b1e"
"""What every file outside the root is called; its appearance in an answer that did not hear it first is a leak."""


TRICKS = {
    "dots": f"../outside/{HIDDEN_NAME}",
    "dots from within": f"1/run/../../../outside/{HIDDEN_NAME}",
    "dots encoded": f"%2e%2e/outside/{HIDDEN_NAME}",
    "slash encoded": f"..%2foutside%2f{HIDDEN_NAME}",
    "doubly encoded": f"%252e%252e%252foutside%252f{HIDDEN_NAME}",
    "thrice encoded": f"%25252e%25252e/outside/{HIDDEN_NAME}",
    "overlong UTF-8": f"%c0%ae%c0%ae/outside/{HIDDEN_NAME}",
    "UTF-16 escape": f"%u002e%u002e/outside/{HIDDEN_NAME}",
    "fullwidth dots": f"%ef%bc%8e%ef%bc%8e/outside/{HIDDEN_NAME}",
    "dots and semicolon": f"..;/outside/{HIDDEN_NAME}",
    "absolute": f"/etc/{HIDDEN_NAME}",
    "absolute encoded": f"%2fetc%2f{HIDDEN_NAME}",
    "absolute to the canary": "{base}/outside/" + HIDDEN_NAME,
    "file URI": "file://{base}/outside/" + HIDDEN_NAME,
    "drive letter": f"C:/{HIDDEN_NAME}",
    "drive letter and backslash": f"C:%5c{HIDDEN_NAME}",
    "backslash": f"..%5coutside%5c{HIDDEN_NAME}",
    "network share": f"%5c%5chost%5cshare%5c{HIDDEN_NAME}",
    "NUL": f"1%00/../../outside/{HIDDEN_NAME}",
    "NUL behind": f"../outside/{HIDDEN_NAME}%00.txt",
    "line feed": f"1%0a/../../outside/{HIDDEN_NAME}",
    "number sign encoded": f"1%23/../../outside/{HIDDEN_NAME}",
    "number sign": f"1#/../../outside/{HIDDEN_NAME}",
    "question mark encoded": f"1%3f/../../outside/{HIDDEN_NAME}",
    "question mark": f"1?/../../outside/{HIDDEN_NAME}",
    "home": f"~/{HIDDEN_NAME}",
    "the root's brother": f"../root2/{HIDDEN_NAME}",
    "link to a folder": f"out/{HIDDEN_NAME}",
    "link to a file": "file",
    "link to the parent": f"up/outside/{HIDDEN_NAME}",
    "link to everything": "top{base}/outside/" + HIDDEN_NAME,
    "link in the middle": f"inner/../out/{HIDDEN_NAME}",
    "links as a folder": "out",
    "uploads under way": ".tracklog-uploads",
}
"""Paths that lead out where one of them is believed; `{base}` is the folder around the root."""


@dataclass(frozen=True, slots=True)
class Fortress:
    """A server and what lies around its root: `outside` is all that may never change."""

    server: Served
    base: Path

    @property
    def root(self) -> Path:
        return self.base / "root"

    def rebuild_root(self) -> None:
        """Make what is in the root as it was; a request may change all of it, the links included."""
        for entry in self.root.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        targets = {"out": "../outside", "file": f"../outside/{HIDDEN_NAME}", "up": "..", "top": "/", "inner": "1"}
        for name, target in targets.items():
            (self.root / name).symlink_to(target)
        artifacts = self.root / "1" / "run" / "artifacts"
        artifacts.mkdir(parents=True)
        (artifacts / "a").write_bytes(b"a")

    def outside(self) -> list[tuple[str, bytes, int]]:
        """All that lies beside the root, by path, content and time of change."""
        found = []
        for folder, folders, files in os.walk(self.base):
            if folder == str(self.base):
                folders.remove("root")
            for name in [*folders, *files]:
                path = Path(folder, name)
                content = path.read_bytes() if path.is_file() else b""
                found.append((str(path.relative_to(self.base)), content, path.lstat().st_mtime_ns))
        return sorted(found)


@contextmanager
def besieged(base: Path) -> Iterator[Fortress]:
    """A fortress in this folder."""
    for folder in (".", "outside", "outside/1", "root2", "1/run/artifacts"):
        (base / folder).mkdir(parents=True, exist_ok=True)
        (base / folder / HIDDEN_NAME).write_bytes(CANARY)
    (base / "root").mkdir()
    with serving(base / "root") as server:
        yield Fortress(server, base)


def requests_for(server: Served, path: str) -> Iterator[tuple[str, Answer]]:
    """Ask for `path`, a raw piece of a URL, by every route there is."""
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        yield f"{method} {path}", server.ask(method, f"{PROXY}/{path}", b"evil" if method == "PUT" else None)
    for target in (
        f"{PROXY}?path={path}",
        f"/get-artifact?run_id=proxied&path={path}",
        f"/model-versions/get-artifact?name=proxied&version=1&path={path}",
        f"/api/2.0/mlflow/artifacts/list?run_id=proxied&path={path}",
        f"/api/2.0/mlflow/logged-models/proxied/artifacts/directories?artifact_directory_path={path}",
        f"/ajax-api/2.0/mlflow/logged-models/proxied/artifacts/files?artifact_file_path={path}",
    ):
        yield target, server.ask("GET", target)
    uploads = "/api/2.0/mlflow-artifacts/mpu"
    for target in (f"/api/2.0/mlflow-artifacts/presigned/{path}", f"{uploads}/parts/{path}?upload_id=1"):
        yield target, server.ask("GET", target)
    part = f"{uploads}/part/{path}?upload_id={path}&part_number=1"
    yield f"PUT {part}", server.ask("PUT", part, b"evil")
    page = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid=proxied&path={path}"
    yield f"POST {page}", server.ask("POST", page, b"evil")
    decoded = unquote(path, errors="replace")
    for folder, name in ((path, "name"), ("1/run", decoded), (path, decoded)):
        for step in ("create", "complete", "abort"):
            message = {"path": name, "num_parts": 1, "upload_id": decoded, "parts": [{"part_number": 1}]}
            at = f"{uploads}/{step}/{folder}"
            yield f"POST {at} {message}", server.ask("POST", at, json.dumps(message).encode(), JSON)
    for way in ("upload", "download"):
        message = {"run_id": "proxied", "path": decoded}
        at = f"/api/2.0/mlflow/artifacts/presigned-{way}-url"
        yield f"POST {at} {message}", server.ask("POST", at, json.dumps(message).encode(), JSON)


JSON = {"Content-Type": "application/json"}


def check(fortress: Fortress, before: list[tuple[str, bytes, int]], request: str, answer: Answer) -> None:
    assert answer.status < 500, request
    assert CANARY not in answer.body, request
    if HIDDEN_NAME not in request:
        assert HIDDEN_NAME.encode() not in answer.body, request
    assert fortress.outside() == before, request
