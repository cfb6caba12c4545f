"""HDFS: a name node and a data node in one process, as Hadoop's own tests start them, with WebHDFS."""

import http.client
import shutil
from pathlib import Path
from xml.sax.saxutils import escape

from tests.services.cache import cached
from tests.services.command import run_to_make
from tests.services.java import java_for
from tests.services.missing import ServiceMissing
from tests.services.ports import HOST
from tests.services.process import ServiceProcess

VERSION = "3.4.1"
JAVA_VERSIONS = range(11, 24)
"""Java 24 took away what Hadoop's logins are made of."""

ARTIFACTS = (
    ("org.apache.hadoop", "hadoop-common", VERSION, ""),
    ("org.apache.hadoop", "hadoop-common", VERSION, "tests"),
    ("org.apache.hadoop", "hadoop-hdfs", VERSION, ""),
    ("org.apache.hadoop", "hadoop-hdfs", VERSION, "tests"),
    ("org.apache.hadoop", "hadoop-hdfs-client", VERSION, ""),
    ("com.fasterxml.jackson.core", "jackson-core", "2.12.7", ""),
    ("org.mockito", "mockito-core", "2.28.2", ""),
)
"""The unshaded jars: WebHDFS in those of hadoop-client-minicluster answers 404 to everything."""

DOWNLOAD_TIMEOUT_S = 900.0

LISTED_AT_ONCE = 25
"""A thousand as HDFS comes; putting as many files takes it a minute."""


def java() -> str:
    """A Java that Hadoop runs on. Raises ServiceMissing."""
    return java_for("Hadoop", JAVA_VERSIONS)


def jars() -> Path:
    """The folder of Hadoop's jars, fetched once. Raises ServiceMissing."""
    return cached(f"hdfs-{VERSION}", _fetch_jars)


def _fetch_jars(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServiceMissing("HDFS is fetched by Maven, which is not installed (Debian: apt-get install maven).")
    project = folder / "pom.xml"
    project.write_text(pom())
    run_to_make(
        [
            *(maven, "--batch-mode", "--quiet", "--file", str(project)),
            *("dependency:copy-dependencies", f"-DoutputDirectory={folder}", "-DincludeScope=runtime"),
        ],
        f"Maven could not fetch HDFS {VERSION}",
        DOWNLOAD_TIMEOUT_S,
    )


def pom() -> str:
    """A project that depends on HDFS and does nothing."""
    dependencies = "".join(
        f"<dependency><groupId>{escape(group)}</groupId><artifactId>{escape(name)}</artifactId>"
        f"<version>{escape(version)}</version>{f'<classifier>{classifier}</classifier>' if classifier else ''}"
        "</dependency>"
        for group, name, version, classifier in ARTIFACTS
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>tracklog</groupId><artifactId>hdfs</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>\n"
    )


class Hdfs(ServiceProcess):
    """One cluster; `url` is where its WebHDFS is."""

    name = "hdfs"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def command(self) -> list[str]:
        return [
            *(java(), "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            *("-cp", f"{jars()}/*", "org.apache.hadoop.test.MiniDFSClusterManager", "-format"),
            *("-httpport", str(self.port), "-datanodes", "1", "-D", f"hdfs.minidfs.basedir={self.folder}/data"),
            *("-D", f"dfs.ls.limit={LISTED_AT_ONCE}"),
        ]

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState")
            return b'"NumLiveDataNodes" : 1' in connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
