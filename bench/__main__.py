"""Command line: `python -m bench [SUITE]` with the options below."""

import argparse
import signal
import sys
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import results, results_table
from bench.comparison import compare, earlier
from bench.measures import Measure, NotMeasurableError, Sample, Settings, Stage
from bench.profiling import profile
from bench.results import Results
from bench.server_process import ServerDidNotStartError, running
from bench.servers import PROJECT, Server
from bench.suites import SUITES, Suite

PAGE = PROJECT / "docs" / "performance.md"
DATA = PROJECT / "bench" / ".data"
"""Not the temporary folder: that may be memory, where a sync costs nothing, and peers make and remove files there."""


def main() -> None:
    """Measure what was asked for, and write raw results and table."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, _leave)
    asked.data_root.mkdir(parents=True, exist_ok=True)
    suite: Suite = SUITES[asked.suite]
    settings = (
        Settings(quick=True, rounds=asked.rounds or 1, warmup_s=0.5, duration_s=2.5, data_root=asked.data_root)
        if asked.quick
        else Settings(rounds=asked.rounds or 3, warmup_s=suite.warmup_s, data_root=asked.data_root)
    )
    chosen = [measure for measure in suite.measures if not asked.only or measure.name in asked.only]
    servers = [suite.servers[name] for name in asked.server or suite.servers]
    if asked.profile:
        measure = next(measure for measure in suite.measures if measure.name == asked.profile)
        profile(measure, servers[0], settings)
        return
    if asked.against:
        print(f"\n{compare(chosen, servers[0], earlier(servers[0], asked.against), settings)}")
        return
    path = suite.results(quick=asked.quick)
    kept = results.load(path)
    for measure in chosen:
        _take(measure, servers, settings, kept)
        kept.save(path)
    table = results_table.render(kept, suite)
    print(f"\n{table}\n\nraw results: {path}")
    if not asked.quick:
        results_table.publish(table, suite, PAGE)


def _leave(number: int, _: object) -> None:
    """Unwind on SIGTERM, so that no server outlives the bench; a second one must not interrupt that."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def _arguments() -> argparse.Namespace:
    names = sorted({measure.name for suite in SUITES.values() for measure in suite.measures})
    servers = sorted({name for suite in SUITES.values() for name in suite.servers})
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("suite", nargs="?", choices=list(SUITES), default="embedded", help="what is measured")
    parser.add_argument("--quick", action="store_true", help="one short round on less data; the page stays as it is")
    parser.add_argument("--only", action="append", choices=names, help="this measure; may be repeated")
    parser.add_argument("--server", action="append", choices=servers, help="this server; may be repeated")
    parser.add_argument("--rounds", type=int, help="rounds whose median counts (default 3, quick 1)")
    parser.add_argument("--data-root", type=Path, default=DATA, help="where servers keep data (default: bench/.data)")
    parser.add_argument("--profile", choices=names, help="sample the server's stacks during one round of this measure")
    parser.add_argument("--against", metavar="REVISION", help="only this server, beside itself at an earlier revision")
    return parser.parse_args()


def _take(measure: Measure, servers: list[Server], settings: Settings, kept: Results) -> None:
    """All rounds of one measure on all servers, interleaved; a server that fails leaves the others going."""
    samples: dict[str, list[Sample]] = {server.name: [] for server in servers}
    with ExitStack() as stack:
        stages = _attempt_each(measure, servers, kept, lambda server: _stage(measure, server, settings, stack))
        prepared = {stage.server.name: data for stage, data in stages}
        for number in range(settings.rounds):
            for stage, _ in list(stages):
                stage.round = number
                try:
                    sample = measure.measure(stage, prepared[stage.server.name])
                except Exception as error:  # one server's failure is a result, not the end of the comparison
                    _report_failure(measure, stage.server, error, kept)
                    stages = [(s, data) for s, data in stages if s is not stage]
                    continue
                samples[stage.server.name].append(sample)
                _report(measure, stage.server, number, sample)
    for stage, _ in stages:
        kept.add(measure, stage.server.name, samples[stage.server.name], settings)


def _stage(measure: Measure, server: Server, settings: Settings, stack: ExitStack) -> tuple[Stage, Any]:
    stage = Stage(server, settings)
    if not measure.starts_own_server:
        stage.process = stack.enter_context(running(server, settings.data_root))
    return stage, measure.prepare(stage)


def _attempt_each(measure: Measure, servers: list[Server], kept: Results, attempt: Any) -> list[tuple[Stage, Any]]:
    done = []
    for server in servers:
        try:
            done.append(attempt(server))
        except Exception as error:  # one server's failure is a result, not the end of the comparison
            _report_failure(measure, server, error, kept)
    return done


def _report(measure: Measure, server: Server, number: int, sample: Sample) -> None:
    figures = ", ".join(f"{name} {value:,.2f}" for name, value in sample.values.items())
    parts = [f"{measure.name} [{number + 1}] {server.title}: {figures}"]
    spent = [f"{seconds}" for seconds in sample.detail.get("server_cpu_s", {}).values() if seconds]
    if spent:
        parts.append(f"server cpu {' + '.join(spent)} s")
    if "generator_cpu_s" in sample.detail:
        parts.append(f"generator cpu {sample.detail['generator_cpu_s']} s")
    if "catch_up_s" in sample.detail:
        parts.append(f"caught up in {sample.detail['catch_up_s']} s")
    if sample.errors:
        parts.append(f"INVALID, {sample.errors} errors")
    if sample.note:
        parts.append(sample.note)
    print("; ".join(parts), flush=True)


def _report_failure(measure: Measure, server: Server, error: Exception, kept: Results) -> None:
    if not isinstance(error, NotMeasurableError | ServerDidNotStartError):
        traceback.print_exception(error)
    print(f"{measure.name} {server.title}: failed: {error}", flush=True)
    kept.add_failure(measure, server.name, f"{error}" or type(error).__name__)


if __name__ == "__main__":
    main()
