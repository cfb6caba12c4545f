"""A first model, as the MLflow tutorial for scikit-learn trains it; prints what the script itself can see."""

import json
import sys

import mlflow
import mlflow.sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

mlflow.set_experiment("MLflow Quickstart")
mlflow.sklearn.autolog()

x, y = load_iris(return_X_y=True, as_frame=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=42)
params = {"solver": "lbfgs", "max_iter": 1000, "random_state": 8888}

with mlflow.start_run() as run:
    model = LogisticRegression(**params)
    model.fit(x_train, y_train)
    test_score = model.score(x_test, y_test)

autologged = mlflow.last_active_run()
assert autologged is not None
loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
predictions = loaded.predict(x_test)

mlflow.sklearn.autolog(disable=True)
with mlflow.start_run(run_name="by hand") as by_hand:
    mlflow.log_params(params)
    mlflow.log_metric("accuracy", accuracy_score(y_test, predictions))
    mlflow.set_tag("Training Info", "Basic LR model for iris data")
    info = mlflow.sklearn.log_model(
        sk_model=model,
        name="iris_model",
        signature=infer_signature(x_train, model.predict(x_train)),
        input_example=x_train.head(3),
        pip_requirements=["scikit-learn"],
    )

reloaded = mlflow.sklearn.load_model(info.model_uri)
json.dump(
    {
        "experiment_id": run.info.experiment_id,
        "run_id": run.info.run_id,
        "last_active_run_id": autologged.info.run_id,
        "metrics": autologged.data.metrics,
        "test_score": test_score,
        "agreement": accuracy_score(model.predict(x_test), predictions),
        "by_hand_run_id": by_hand.info.run_id,
        "by_hand_model_id": info.model_id,
        "reloaded_score": reloaded.score(x_test, y_test),
        "found": mlflow.search_logged_models(
            experiment_ids=[run.info.experiment_id],
            filter_string=f"name = 'iris_model' AND source_run_id = '{by_hand.info.run_id}'",
            output_format="list",
        )[0].model_id,
    },
    sys.stdout,
)
