"""The Java of this machine, in the version that a service runs on."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.services.missing import ServiceMissing


def java_for(service: str, versions: range) -> str:
    """A Java of one of `versions`. Raises ServiceMissing."""
    homes = [os.environ.get("JAVA_HOME", ""), *map(str, sorted(Path("/usr/lib/jvm").glob("*")))]
    for found in (shutil.which("java"), *(f"{home}/bin/java" for home in homes if home)):
        if found is not None and Path(found).exists() and version_of(found) in versions:
            return found
    raise ServiceMissing(
        f"{service} needs a Java from {versions[0]} to {versions[-1]} (Debian: openjdk-17-jre-headless)."
    )


def version_of(program: str) -> int:
    """The major version; 0 for what does not tell."""
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', said)
    return int(match[1]) if match else 0
