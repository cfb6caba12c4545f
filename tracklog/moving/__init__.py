"""Moving in: what an MLflow store holds, read without MLflow, as events of the log."""
