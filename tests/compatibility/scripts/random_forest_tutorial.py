"""MLflow's tutorial for a remote server: a random forest with autologging, its model fetched and loaded again."""

import json
import sys

import mlflow
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split

mlflow.autolog()
mlflow.set_experiment("diabetes")

data = load_diabetes()
x_train, x_test, y_train, y_test = train_test_split(data.data, data.target, random_state=7)
forest = RandomForestRegressor(n_estimators=100, max_depth=6, max_features=3, random_state=7)
with mlflow.start_run(run_name="forest") as run:
    forest.fit(x_train, y_train)
    predictions = forest.predict(x_test)

folder = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/model")
loaded = mlflow.sklearn.load_model(folder)
json.dump(
    {
        "experiment_id": run.info.experiment_id,
        "run_id": run.info.run_id,
        "agrees": bool((loaded.predict(x_test) == predictions).all()),
    },
    sys.stdout,
)
