"""The worker that follows a log with a tree and signs checkpoints, what it keeps, and who checks it."""
