"""What a span is wherever it lies: its values, MLflow's words for it, its share of a sum, and chunks of spans."""
