"""What the projector, queries and ingest share of the read model: tables, progress, connections."""
