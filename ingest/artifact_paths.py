"""Where artifacts go: locations of experiments, runs and logged models, as text."""

from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit, urlunsplit

from schemas.artifact_uris import below


def absolute(location: str, folder: str) -> str:
    """A relative path, or a `file:` URI of one, seen from `folder`; any other location as it is.

    `..` stays: where it leads depends on links. Source: MLflow 3.17, observed.
    """
    if not location:
        return location
    parts = urlsplit(location)
    if parts.scheme == "file" and not parts.path.startswith("/"):
        return urlunsplit(parts._replace(path=str(PurePosixPath(quote(folder), parts.path))))
    if parts.scheme or location.startswith("/"):
        return location
    return str(PurePosixPath(folder, location))


def run_artifacts(experiment_location: str, run_id: str) -> str:
    return below(experiment_location, f"{run_id}/artifacts")


def logged_model_artifacts(experiment_location: str, model_id: str) -> str:
    return below(experiment_location, f"models/{model_id}/artifacts")
