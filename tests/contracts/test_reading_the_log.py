"""The examples of docs/reading-the-log.md read a log."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from event_log.kafka.event_log import open_kafka_log
from event_log.kafka.settings import KafkaSettings
from tests.contracts.event_log_contract import param
from tests.services.given import GivenKafka
from tests.services.kafka_tools import console_consumer
from tests.services.missing import ServiceMissing, leave_out
from tests.services.running import AnyKafka

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "reading-the-log.md").read_text()
START_S: Final = 30


@pytest.fixture
async def settings(kafka_service: AnyKafka | GivenKafka, kafka_topic: str) -> KafkaSettings:
    settings = KafkaSettings.parse(f"kafka://{kafka_service.bootstrap}/{kafka_topic}")
    log = await open_kafka_log(settings, partitions=1)
    await log.append([param(1, "lr")])
    await log.close()
    return settings


def adapted(example: str, settings: KafkaSettings) -> str:
    return example.replace("localhost:9092", settings.bootstrap[0]).replace('"tracklog"', f'"{settings.topic}"')


async def test_the_python_example_prints_the_events(settings: KafkaSettings) -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    program = subprocess.Popen(
        [sys.executable, "-u", "-W", "error", "-c", adapted(example, settings)], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    try:
        line = program.stdout.readline()
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
    assert f"run.data-logged run/{1:032x}" in line
    assert "{'key': 'lr', 'value': 'v'}" in line


async def test_kafkas_console_consumer_prints_envelope_and_payload(settings: KafkaSettings) -> None:
    [command] = re.findall(r"^kafka-console-consumer\.sh (.*?)\n```", PAGE, re.DOTALL | re.MULTILINE)
    arguments = adapted(command, settings).replace("\\\n", " ").replace("--topic tracklog", f"--topic {settings.topic}")
    try:
        console = console_consumer()
    except ServiceMissing as missing:
        leave_out(missing)
    printed = subprocess.run(
        [*console, *arguments.split(), "--max-messages", "1", "--timeout-ms", str(START_S * 1000)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"ce_subject:run/{1:032x}" in printed.stdout, printed.stderr
    assert "ce_type:run.data-logged" in printed.stdout
    assert '"params":[{"key":"lr","value":"v"}]' in printed.stdout
