"""MLflow's own web page: where it is fetched from, and how it is served."""
