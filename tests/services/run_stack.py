"""`python -m tests.services.run_stack`: the whole distributed system on this machine until Ctrl-C."""

import argparse
import signal
import sys
import threading
import time
from pathlib import Path

from scripts.port_is_free import why_not
from tests.services.download import fetch, of_a_stack
from tests.services.kafka import Kafka
from tests.services.minio import Minio
from tests.services.missing import ServiceMissing
from tests.services.ports import HOST
from tests.services.postgresql import Postgresql
from tests.services.process import ServiceDidNotStartError, ServiceDidNotStopError
from tests.services.stack import Part, Stack, StackInUse, StackSettings

LOOK_EVERY_S = 0.5

TOO_SOON_S = 10.0
"""A part that lives no longer after it was started again will not do so the next time either."""


def main() -> int:
    options = parsed_options()
    settings = StackSettings(
        ingest=options.ingest,
        projectors=options.projectors,
        query=options.query,
        artifacts=options.artifacts,
        webhooks=options.webhooks,
        kafka=options.log == "kafka",
        partitions=options.partitions,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    started = time.monotonic()
    if (refusal := why_not(HOST, options.port)) is not None:
        say(f"{refusal}\nStop it, or choose another port: make stack OPTIONS='--port 8080'")
        return 1
    say("What the parts need (downloaded or built at the first time, which may take minutes):")
    try:
        if fetch(of_a_stack(with_kafka=settings.kafka), write):
            return 1
    except KeyboardInterrupt:
        say("Stopped before anything was started.")
        return 1
    stack = Stack(
        options.data,
        settings,
        port=options.port,
        make_postgresql=Postgresql,
        make_kafka=Kafka,
        make_minio=Minio,
        say=say,
    )
    try:
        stack.start()
    except (ServiceMissing, StackInUse, ServiceDidNotStartError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Stopped while it was starting.")
        return 1
    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_stop.set())
    say(f"Ready after {time.monotonic() - started:.1f} s. Data and logs are in {stack.folder}.\n")
    say("\n".join(f"  {part.name:14} {part.address}" for part in stack.parts))
    say(f"\n  export MLFLOW_TRACKING_URI={stack.url}\n\nCtrl-C ends it all.")
    try:
        exit_code = watch(stack, asked_to_stop)
        say("Stopping: the proxy, the roles, the stores.")
        stack.stop()
    except (ServiceDidNotStartError, ServiceDidNotStopError) as error:
        say(str(error))
        stack.kill()
        return 1
    return exit_code


def watch(stack: Stack, asked_to_stop: threading.Event) -> int:
    """Start again what ended by itself, until asked to stop; 1 when a part ended twice in a row."""
    started_again: dict[str, float] = {}
    while not asked_to_stop.wait(LOOK_EVERY_S):
        for part in stack.parts:
            if part.is_running:
                continue
            say(f"{part.name} ended.\n{part.log_tail(20)}")
            if time.monotonic() - started_again.get(part.name, -TOO_SOON_S) < TOO_SOON_S:
                say(f"{part.name} ended again at once, so everything ends.")
                return 1
            start_again(part)
            started_again[part.name] = time.monotonic()
    return 0


def start_again(part: Part) -> None:
    say(f"Starting {part.name} again.")
    part.start()
    say(f"{part.name} is ready.")


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make stack", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("tracklog-data/stack"), help="the folder (%(default)s)")
    parser.add_argument("--port", type=int, default=5000, help="where the proxy listens (%(default)s)")
    parser.add_argument(
        "--log", choices=("kafka", "postgresql"), default="kafka", help="where the log is (%(default)s)"
    )
    parser.add_argument("--partitions", type=int, help="of a Kafka log that is not there yet (8)")
    for role in ("ingest", "projectors", "query", "artifacts", "webhooks"):
        parser.add_argument(f"--{role}", type=int, default=1, metavar="N", help="how many (%(default)s)")
    return parser.parse_args()


def say(text: str) -> None:
    write(f"{text}\n")


def write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
