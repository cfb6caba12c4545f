"""What proves the log: signed checkpoints, and proofs against them."""
