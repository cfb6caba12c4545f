"""Log a model in a run of many params, as a flavor does."""

import json
import sys

import mlflow
import mlflow.sklearn
from sklearn.linear_model import LinearRegression

with mlflow.start_run(run_id=sys.argv[1]):
    logged = mlflow.sklearn.log_model(
        sk_model=LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), name="line", pip_requirements=["scikit-learn"]
    )
json.dump({"model_id": logged.model_id}, sys.stdout)
