"""The server that is pushed to, as a push asks it."""

import json
from collections.abc import Iterable, Sequence
from typing import IO, Any, Final, NamedTuple, Protocol
from urllib.parse import quote

from schemas.traces import ARTIFACT_LOCATION_TAG
from tracklog.bringing.requests import Refused, body_of

MLFLOW_2: Final = "api/2.0/mlflow"
MLFLOW_3: Final = "api/3.0/mlflow"
OURS: Final = "api/tracklog/v1"
ARTIFACTS: Final = "api/2.0/mlflow-artifacts/artifacts"


class NotAllowed(Exception):
    """Whoever pushes has no right to what is to be pushed to."""


class Asked(Protocol):
    """A server over HTTP. Raises Refused."""

    def get(self, path: str, **query: str) -> Any: ...

    def send(self, method: str, path: str, body: bytes) -> Any:
        """`body` is JSON, and so is the answer."""

    def upload(self, path: str, content: IO[bytes], size: int) -> None: ...


class Taken(NamedTuple):
    """What became of events: how many were new, what each refused one was refused with, the numbers of versions."""

    new: int
    refused: dict[str, str]
    versions: dict[str, int]


class StoredFile(NamedTuple):
    """A file among the artifacts of the server."""

    size: int
    sha256: str | None


class Central:
    """Asks what a push has to know, and sends."""

    def __init__(self, server: Asked, source: str) -> None:
        self._server = server
        self._source = source

    def send(self, events: Sequence[bytes]) -> Taken:
        """Bring events, each as JSON. Raises Refused where the server takes none of them."""
        answer = self._server.send("POST", f"{OURS}/events", body_of(self._source, events))
        refused = {one["id"]: one["message"] for one in answer["refused"]}
        return Taken(answer["appended"], refused, answer["versions"])

    def experiment(self, experiment_id: int) -> bool:
        """Whether an experiment is there, deleted or not, and may be read."""
        return self._seen(f"{MLFLOW_2}/experiments/get", experiment_id=str(experiment_id)) is not None

    def experiment_named(self, name: str) -> int | None:
        """The id of the experiment of a name, deleted or not. Raises NotAllowed where it may not be read."""
        try:
            found = self._server.get(f"{MLFLOW_2}/experiments/get-by-name", experiment_name=name)
        except Refused as error:
            if error.status == NOT_FOUND:
                return None
            if error.status == FORBIDDEN:
                raise NotAllowed(f"The experiment '{name}' is there, and whoever pushes may not read it.") from error
            raise
        return int(found["experiment"]["experiment_id"])

    def experiment_with_tag(self, key: str) -> int | None:
        """The id of the experiment that has a tag, whatever its value."""
        asked = {"max_results": 1, "view_type": "ALL", "filter": f"tags.`{key}` LIKE '%'"}
        found = self._server.send("POST", f"{MLFLOW_2}/experiments/search", json.dumps(asked).encode())
        return next((int(one["experiment_id"]) for one in found.get("experiments", ())), None)

    def params(self, run_id: str) -> dict[str, str]:
        """The params of a run."""
        run = self._server.get(f"{MLFLOW_2}/runs/get", run_id=run_id)["run"]
        return {one["key"]: one["value"] for one in run["data"].get("params", ())}

    def run_artifacts(self, run_id: str) -> str | None:
        """Where the artifacts of a run lie; None of one that is not there."""
        found = self._seen(f"{MLFLOW_2}/runs/get", run_id=run_id)
        return None if found is None else str(found["run"]["info"]["artifact_uri"])

    def model_artifacts(self, model_id: str) -> str | None:
        """The same of a logged model."""
        found = self._seen(f"{MLFLOW_2}/logged-models/{model_id}")
        return None if found is None else str(found["model"]["info"]["artifact_uri"])

    def trace_artifacts(self, trace_id: str) -> str | None:
        """The same of a trace."""
        found = self._seen(f"{MLFLOW_3}/traces/{quote(trace_id)}")
        return None if found is None else str(found["trace"]["trace_info"]["tags"][ARTIFACT_LOCATION_TAG])

    def files(self, folder: str) -> dict[str, StoredFile] | None:
        """The files below a folder of the history, by their paths in the destination, as events of uploads say.

        None where who pushes may not read the history: that is for who may manage what the files are of.
        """
        files: dict[str, StoredFile] = {}
        try:
            history = list(self._history(folder))
        except Refused as error:
            if error.status == FORBIDDEN:
                return None
            raise
        for event in history:
            path = event["data"]["path"]
            if event["type"] == "artifact.uploaded":
                files[path] = StoredFile(event["data"]["size"], event["data"].get("sha256"))
            else:
                for gone in [one for one in files if one == path or one.startswith(f"{path}/")]:
                    del files[gone]
        return files

    def upload(self, path: str, content: IO[bytes], size: int) -> None:
        """Put a file to a path in the destination."""
        self._server.upload(f"{ARTIFACTS}/{path}", content, size)

    def _history(self, folder: str) -> Iterable[Any]:
        cursor = ""
        while True:
            asked = {"artifact": folder, "order": "oldest", "limit": "1000", **({"cursor": cursor} if cursor else {})}
            page = self._server.get(f"{OURS}/history", **asked)
            yield from (one for one in page["events"] if not one["data"].get("root"))
            if page["is_last"]:
                return
            cursor = page["next_cursor"]

    def _seen(self, path: str, **query: str) -> Any:
        """What is asked for; None where it is not there, or may not be read."""
        try:
            return self._server.get(path, **query)
        except Refused as error:
            if error.status in _NOT_SEEN:
                return None
            raise


NOT_FOUND: Final = 404
FORBIDDEN: Final = 403

_NOT_SEEN: Final = (NOT_FOUND, FORBIDDEN)
"""Who may not read something is not told whether it is there."""
