"""Following a live MLflow: what is new or changed in its database becomes events of a running Tracklog."""
