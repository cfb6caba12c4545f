"""What ingest knows of the entities that a command is about: look-ups in the read model, and the cache before them."""
