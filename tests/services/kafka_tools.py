"""The command line tools of Apache Kafka, which the broker's own jars do not hold."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.services.cache import cached
from tests.services.kafka import VERSION, java
from tests.services.missing import ServiceMissing

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tracklog</groupId><artifactId>kafka-tools</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{VERSION}</version>
</dependency></dependencies></project>
"""


def console_consumer() -> list[str]:
    """The command that `kafka-console-consumer.sh` runs. Raises ServiceMissing."""
    home = os.environ.get("KAFKA_HOME")
    libraries = Path(home) / "libs" if home else cached(f"kafka-tools-{VERSION}", _fetch)
    return [java(), "-cp", f"{libraries}/*", "org.apache.kafka.tools.consumer.ConsoleConsumer"]


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServiceMissing("Kafka's tools are fetched by Maven (Debian: apt-get install maven); or set KAFKA_HOME.")
    project = folder / "pom.xml"
    project.write_text(POM)
    fetched = subprocess.run(
        [
            *(maven, "--batch-mode", "--quiet", "--file", str(project)),
            *("dependency:copy-dependencies", f"-DoutputDirectory={folder}", "-DincludeScope=runtime"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if fetched.returncode:
        raise ServiceMissing(f"Maven could not fetch Kafka's tools: {' '.join(fetched.stdout.split())[-600:]}")
