"""Starts a MinIO with a bucket, then a server on it: `python -m bench.on_minio FOLDER COMMAND…`.

The server finds the store's address and credentials in its environment, and the bucket is `artifacts`. Both end with
this process, which is what the bench measures and stops.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.services.minio import Minio
from tests.services.s3_bucket import s3_client

BUCKET = "artifacts"
ADDRESS_FILE = "minio.json"
"""In the folder: how the bench itself reaches the store, to compare with."""


def main(folder: Path, command: list[str]) -> int:
    """Run `command` until it ends or a signal says to stop; its exit code."""
    with Minio(folder / "minio") as minio:
        s3_client(minio).create_bucket(Bucket=BUCKET)
        account = {"url": minio.url, "access_key": minio.access_key, "secret_key": minio.secret_key}
        (folder / ADDRESS_FILE).write_text(json.dumps(account))
        environment = {
            "MLFLOW_S3_ENDPOINT_URL": minio.url,
            "AWS_ACCESS_KEY_ID": minio.access_key,
            "AWS_SECRET_ACCESS_KEY": minio.secret_key,
        }
        server = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment})
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: server.terminate())
        return server.wait()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
