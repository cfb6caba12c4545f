"""Where artifacts go: locations of experiments, runs and logged models, as text."""

from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit, urlunsplit


def below(location: str, path: str) -> str:
    """`path` under `location`, behind the path of a URI and before its query; a location without scheme is all path.

    Source: what a real MLflow 3.17 makes of every scheme, observed; the URI comes back in its plain form, such as
    `file:///x` for `file:/x`.
    """
    parts = urlsplit(location)
    if not parts.scheme:
        return joined(location, path)
    longer = parts._replace(path=joined(parts.path, path))
    if parts.path.startswith("/"):
        return urlunsplit(longer)
    # Without a slash to begin with, urlunsplit would put one (or two) between a scheme and its path.
    return f"{parts.scheme}:{urlunsplit(longer._replace(scheme=''))}"


def joined(folder: str, path: str) -> str:
    return f"{folder}{path}" if not folder or folder.endswith("/") else f"{folder}/{path}"


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
