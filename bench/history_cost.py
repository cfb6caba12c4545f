"""What the history index costs: `python -m bench.history_cost` measures log-metric with it and without, in turns.

Both the requests answered and what the server's processes work for each are told, with what they do until they are
idle again: the second is less of the machine's mood. Whoever goes first changes with each turn.
"""

import argparse
import statistics
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import process_tree
from bench.load_generator import LoadPlan, generate
from bench.server_process import ServerProcess, running
from bench.servers import EMBEDDED_SERVERS, PROJECT, Server

CONNECTIONS: Final = 32
WARMUP_S: Final = 1.0
AT_MOST_PER_SECOND: Final = 20_000
WITH, WITHOUT = "with the index", "without"
HOOK: Final = Path(__file__).parent / "without_history_index"


def without_index(server: Server) -> Server:
    return replace(server, command=lambda port, folder: ["env", f"PYTHONPATH={HOOK}", *server.command(port, folder)])


def load(process: ServerProcess, turn: int, duration_s: float) -> tuple[float, float]:
    """Requests a second, and the microseconds that the server's processes worked for each."""
    experiment = process.post("experiments/create", {"name": f"{time.time_ns()}"})
    new = {"experiment_id": experiment["experiment_id"], "start_time": 1}
    run_ids = [process.post("runs/create", new)["run"]["info"]["run_id"] for _ in range(CONNECTIONS)]
    process.settle()
    before = sum(process_tree.cpu_seconds(process.pid).values())
    plan = LoadPlan(
        port=process.port,
        workload="log_metric",
        parameters={
            "seed": f"history/{turn}",
            "run_ids": run_ids,
            "count": int(AT_MOST_PER_SECOND * (WARMUP_S + duration_s)) // CONNECTIONS,
        },
        connections=CONNECTIONS,
        warmup_s=WARMUP_S,
        duration_s=duration_s,
    )
    result = generate(plan)
    if result.errors:
        raise RuntimeError(f"{result.errors} requests failed: {result.error_texts[0]}")
    process.settle()
    worked_s = sum(process_tree.cpu_seconds(process.pid).values()) - before
    all_requests = result.requests * (duration_s + WARMUP_S) / duration_s
    return result.per_second, worked_s / all_requests * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--data-root", type=Path, default=PROJECT / "bench" / ".data")
    asked = parser.parse_args()
    asked.data_root.mkdir(parents=True, exist_ok=True)
    rates, costs = defaultdict(list), defaultdict(list)
    with ExitStack() as stack:
        server = EMBEDDED_SERVERS["tracklog"]
        ways = {
            WITH: stack.enter_context(running(server, asked.data_root)),
            WITHOUT: stack.enter_context(running(without_index(server), asked.data_root)),
        }
        for turn in range(asked.turns):
            for way in (WITH, WITHOUT) if turn % 2 == 0 else (WITHOUT, WITH):
                rate, cost_us = load(ways[way], turn, asked.seconds)
                rates[way].append(rate)
                costs[way].append(cost_us)
                print(f"{turn} {way}: {rate:.0f} requests/s, {cost_us:.1f} us each", flush=True)
        for way, process in ways.items():
            indexed = [one.stat().st_size for one in process.folder.glob("*.history*")]
            print(f"{way}: an index of {sum(indexed)} bytes")
    print("\n| | requests/s, median | lowest, highest | work for each, µs, median | lowest, highest |")
    print("|---|---:|---:|---:|---:|")
    for way in ways:
        print(f"| {way} | {_told(rates[way])} | {_told(costs[way])} |")
    for name, found in (("requests/s", rates), ("work", costs)):
        shares = [one / other for one, other in zip(found[WITH], found[WITHOUT], strict=True)]
        print(f"{name}, with / without in each turn: median {statistics.median(shares):.3f}", end="")
        print(f", from {min(shares):.3f} to {max(shares):.3f}")


def _told(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} | {min(values):,.0f}, {max(values):,.0f}"


if __name__ == "__main__":
    main()
