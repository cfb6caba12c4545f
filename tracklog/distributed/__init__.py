"""The wiring of roles that share a log and a read model, each a process of its own."""
