"""What it costs to know who asks: `python -m bench.users` measures log-metric without users, by password and by token.

They are measured in turns, so that what else the machine does is spread over all of them. Both the requests answered
and what the server's processes work for a thousand of them are told: the second is less of the machine's mood.
"""

import argparse
import http.client
import json
import shutil
import statistics
import tempfile
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench import process_tree
from bench.load_generator import LoadPlan, LoadResult, generate
from bench.server_process import ServerProcess
from bench.servers import EMBEDDED_SERVERS, PROJECT, Server

PASSWORD: Final = "a long password of the bench"
ADMIN: Final = "Basic " + b64encode(f"admin:{PASSWORD}".encode()).decode()
USER: Final = "Basic " + b64encode(f"ada:{PASSWORD}".encode()).decode()
CONNECTIONS: Final = 32
WITHOUT, BY_PASSWORD, BY_TOKEN = "without users", "by password", "by token"
WAIT_S: Final = 60.0


def with_users(server: Server) -> Server:
    """The server, where only users are let in."""
    variables = ("env", f"MLFLOW_AUTH_ADMIN_PASSWORD={PASSWORD}")
    return replace(
        server, command=lambda port, folder: [*variables, *server.command(port, folder), "--app-name", "basic-auth"]
    )


@contextmanager
def running(server: Server) -> Iterator[ServerProcess]:
    folder = Path(tempfile.mkdtemp(prefix="bench-users-", dir=PROJECT / "bench"))
    process = ServerProcess(server, folder)
    try:
        process.wait_until_healthy()
        yield process
    finally:
        process.stop()
        shutil.rmtree(folder)


def asked(process: ServerProcess, authorization: str | None, method: str, path: str, body: Any = None) -> Any:
    """The JSON of an answer, None for one that is not 200."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=WAIT_S)
    headers = {"Content-Type": "application/json"} | ({} if authorization is None else {"Authorization": authorization})
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return json.loads(text) if answer.status == 200 else None


def token_of_a_user(process: ServerProcess) -> str:
    """That of a user who has the rights on what they create and no others, once there is one."""
    deadline = time.perf_counter() + WAIT_S
    new = {"username": "ada", "password": PASSWORD}
    while asked(process, ADMIN, "POST", "/api/2.0/mlflow/users/create", new) is None:
        if time.perf_counter() > deadline:
            raise TimeoutError("the administrator is not let in")
        time.sleep(0.1)
    return str(asked(process, USER, "POST", "/api/tracklog/v1/tokens", {"name": "bench"})["token"])


def load(process: ServerProcess, authorization: str | None, round_: int, duration_s: float) -> tuple[LoadResult, float]:
    """What came of a load, and the milliseconds that the server worked for each of its requests, warm-up included."""
    name = {"name": f"{time.time_ns()}"}
    experiment = asked(process, authorization, "POST", "/api/2.0/mlflow/experiments/create", name)
    new = {"experiment_id": experiment["experiment_id"], "start_time": 1}
    runs = [asked(process, authorization, "POST", "/api/2.0/mlflow/runs/create", new) for _ in range(CONNECTIONS)]
    run_ids = [run["run"]["info"]["run_id"] for run in runs]
    count = int(20_000 * (duration_s + 1.0)) // CONNECTIONS
    process.settle()  # what the projector still does is of the load before
    before = sum(process_tree.cpu_seconds(process.pid).values())
    plan = LoadPlan(
        port=process.port,
        workload="log_metric",
        parameters={"seed": f"users/{round_}", "run_ids": run_ids, "count": count},
        connections=CONNECTIONS,
        warmup_s=1.0,
        duration_s=duration_s,
        authorization=authorization,
    )
    result = generate(plan)
    if result.errors:
        raise RuntimeError(f"{result.errors} requests failed: {result.error_texts[0]}")
    worked_s = sum(process_tree.cpu_seconds(process.pid).values()) - before
    return result, 1000 * worked_s / (result.requests * (duration_s + 1.0) / duration_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    asked_for = parser.parse_args()
    rates, costs = defaultdict(list), defaultdict(list)
    with ExitStack() as stack:
        plain = stack.enter_context(running(EMBEDDED_SERVERS["tracklog"]))
        guarded = stack.enter_context(running(with_users(EMBEDDED_SERVERS["tracklog"])))
        ways = {
            WITHOUT: (plain, None),
            BY_PASSWORD: (guarded, USER),
            BY_TOKEN: (guarded, f"Bearer {token_of_a_user(guarded)}"),
        }
        for round_ in range(asked_for.rounds):
            for way, (process, authorization) in ways.items():
                result, cost_ms = load(process, authorization, round_, asked_for.seconds)
                rates[way].append(result.per_second)
                costs[way].append(cost_ms)
                print(f"{round_} {way}: {result.per_second:.0f} requests/s, {cost_ms:.4f} ms each", flush=True)
    print("\n| | requests/s | of without | work for each, ms | the least |\n|---|---:|---:|---:|---:|")
    for way in ways:
        shares = [rate / plain_rate for rate, plain_rate in zip(rates[way], rates[WITHOUT], strict=True)]
        rate, cost = statistics.median(rates[way]), statistics.median(costs[way])
        print(f"| {way} | {rate:,.0f} | {statistics.median(shares):.0%} | {cost:.3f} | {min(costs[way]):.3f} |")


if __name__ == "__main__":
    main()
