"""What an operator is told when a server is there."""

from tracklog.page_fetch import default_page_folder, is_complete


def greeting(
    address: str,
    *,
    log: str | None = None,
    read_model: str | None = None,
    artifacts: str | None = None,
    page: bool = False,
) -> str:
    """Where to point a client, and where things are kept. `page`: this server shows it."""
    lines = [f"Tracklog serves {address}", f"  point a client there:  export MLFLOW_TRACKING_URI={address}"]
    kept = {"log": log, "read model": read_model, "artifacts": artifacts}
    lines += [f"  {name + ':':<12}{place}" for name, place in kept.items() if place is not None]
    if page and not is_complete(default_page_folder()):
        lines.append("  page:       not installed; `tracklog fetch-page` gets it")
    return "\n".join(lines)
