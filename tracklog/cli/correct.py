"""`tracklog correct`: params and points of metrics of a run, corrected on a server."""

from typing import Any

import click

from tracklog.cli.bad_usage import BadUsage
from tracklog.cli.remote import MLFLOW_2, OURS, Remote, with_remote

_PAGE = "25000"
"""Points of a history that are asked for at once."""


@click.command("correct", short_help="Correct params and points of metrics of a run.")
@click.argument("run_id")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the history.")
@click.option(
    "--param", "params", multiple=True, metavar="KEY=VALUE", help="A param, and the value that it should have."
)
@click.option("--remove-param", "removed", multiple=True, metavar="KEY", help="A param that should not be there.")
@click.option("--metric", metavar="KEY", help="A metric, of which one point is wrong.")
@click.option("--step", type=int, help="The step of that point.")
@click.option("--value", metavar="NUMBER", help="Its value, where the step has several.")
@click.option("--new-value", metavar="NUMBER", help="The value that it should have.")
@click.option("--remove-point", is_flag=True, help="The point should not be there.")
@with_remote
def command(
    *,
    remote: Remote,
    run_id: str,
    reason: str,
    params: tuple[str, ...],
    removed: tuple[str, ...],
    metric: str | None,
    step: int | None,
    value: str | None,
    new_value: str | None,
    remove_point: bool,
) -> None:
    """Correct what was logged to the run RUN_ID. Clients see what is corrected; the history keeps what was, and why."""
    corrections: list[dict[str, Any]] = [_param(one) for one in params]
    corrections += [{"key": key, "value": None} for key in removed]
    points: list[dict[str, Any]] = []
    if metric is not None:
        if step is None or (new_value is None) is not remove_point:
            raise BadUsage("--metric needs --step, and either --new-value or --remove-point.")
        point = _point(remote, run_id, metric, step, value)
        points = [{**point, "key": metric, "new_value": new_value}]
    elif not corrections:
        raise BadUsage("Say what is to be corrected: --param, --remove-param or --metric.")
    remote.change("POST", f"{OURS}/runs/{run_id}/corrections", reason=reason, params=corrections, metrics=points)


def _param(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise BadUsage(f"--param {text!r} is not KEY=VALUE.")
    return {"key": key, "value": value}


def _point(remote: Remote, run_id: str, metric: str, step: int, value: str | None) -> dict[str, Any]:
    """The one point that is meant. Raises BadUsage where there is none, or are several."""
    asked = {"run_id": run_id, "metric_key": metric, "max_results": _PAGE}
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        page = remote.get(f"{MLFLOW_2}/metrics/get-history", **asked, **({"page_token": token} if token else {}))
        found += [one for one in page.get("metrics", ()) if int(one.get("step", 0)) == step]
        token = page.get("next_page_token", "")
        if not token:
            break
    meant = [one for one in found if value is None or _is_same(one["value"], value)]
    if len(meant) == 1:
        return {"step": step, "timestamp": int(meant[0]["timestamp"]), "value": meant[0]["value"]}
    there = ", ".join(f"{one['value']} at {one['timestamp']}" for one in found) or "none"
    raise BadUsage(f"Metric {metric!r} has {len(meant)} such points at step {step}; there: {there}.")


def _is_same(one: float | str, other: str) -> bool:
    try:
        return float(one) == float(other) or str(one) == other
    except ValueError:
        return False
