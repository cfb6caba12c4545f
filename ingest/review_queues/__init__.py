"""Review queues: what clients change of them and of their items."""
