"""What is announced to the operator when a server is there."""

from tracklog.page.fetch import default_page_folder, is_complete
from tracklog.serving.addresses import Reach


def greeting(
    reach: Reach,
    *,
    does: str | None = None,
    log: str | None = None,
    read_model: str | None = None,
    artifacts: str | None = None,
    page: bool = False,
    position: str | None = None,
) -> str:
    """Where to point a client, where things are kept, and what is not protected.

    `does` is what a process does that does not serve clients everything; `page`: it shows the page.
    `position` is that of the state which is shown, where it is one that is past.
    """
    lines = [f"Tracklog {does or 'serves clients'} at {reach.url}"]
    if does is None:
        lines.append(f"  point a client there:  export MLFLOW_TRACKING_URI={reach.url}")
    kept = {
        "as of": None if position is None else f"{position}, to which --as-of leads again; nothing can be changed",
        "elsewhere": " ".join(url for url in reach.others if url not in reach.foreign) or None,
        "log": log,
        "read model": read_model,
        "artifacts": artifacts,
    }
    lines += [f"  {name + ':':<12}{place}" for name, place in kept.items() if place is not None]
    if page and not is_complete(default_page_folder()):
        lines.append("  page:       not installed; `tracklog fetch-page` gets it")
    lines += [f"  {url} is refused until --allowed-hosts names it" for url in reach.foreign]
    lines.append(f"  {_protection(reach, may='read' if position is not None else 'read and change')}")
    return "\n".join(lines)


def _protection(reach: Reach, *, may: str) -> str:
    if reach.knows_users:
        return "Only users are let in, and only administrators may do more than change their own password and tokens."
    if reach.asks_for_users:
        return f"Only users that a trusted proxy names are answered; each of them may {may} everything."
    if reach.asks_for_certificates:
        return f"Whoever has a certificate that --ssl-ca-certs vouches for may {may} everything."
    if reach.only_here:
        return f"There is no authentication: any program of this machine may {may} everything."
    doing = "read, change and delete" if "change" in may else may
    return (
        "NOT PROTECTED: there is no authentication, and other machines can reach this. Their programs may "
        f"{doing} everything. Listen on 127.0.0.1 behind a proxy that authenticates, or trust the network."
    )
