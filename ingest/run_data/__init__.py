"""What a client may log to a run: metrics, params, tags, inputs, outputs."""
