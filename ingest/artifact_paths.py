"""Where artifacts go: locations of experiments, runs and logged models, as text."""

from urllib.parse import urlsplit


def below(location: str, path: str) -> str:
    """`path` under `location`, before the query when the location has one."""
    base, question_mark, query = location.partition("?") if "://" in location else (location, "", "")
    return f"{base.rstrip('/')}/{path}{question_mark}{query}"


def absolute(location: str, folder: str) -> str:
    """A location without a scheme that is relative, seen from `folder`; any other as it is."""
    if not location or location.startswith("/") or urlsplit(location).scheme:
        return location
    return f"{folder.rstrip('/')}/{location}"


def run_artifacts(experiment_location: str, run_id: str) -> str:
    return below(experiment_location, f"{run_id}/artifacts")


def logged_model_artifacts(experiment_location: str, model_id: str) -> str:
    return below(experiment_location, f"models/{model_id}/artifacts")
