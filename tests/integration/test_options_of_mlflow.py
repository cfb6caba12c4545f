"""What `mlflow server` takes, asked of the MLflow that is installed, is known to `tracklog server`."""

import json
import subprocess
import sys

from tracklog.cli import server

OPTIONS_OF_MLFLOW = """
import json, mlflow.cli
parameters = mlflow.cli.server.params
print(json.dumps([[*(p.opts + p.secondary_opts), *filter(None, [p.envvar])] for p in parameters]))
"""


def test_every_option_and_environment_name_of_mlflow_server_is_known_here() -> None:
    asked = subprocess.run([sys.executable, "-c", OPTIONS_OF_MLFLOW], capture_output=True, text=True, check=True)
    theirs = {name for names in json.loads(asked.stdout.splitlines()[-1]) for name in names}
    ours = {
        name
        for parameter in server.command.params
        for name in (*parameter.opts, *parameter.secondary_opts, str(parameter.envvar))
    }
    assert "--backend-store-uri" in theirs
    assert theirs - ours == set()
