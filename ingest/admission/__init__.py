"""What ingest knows of the entities that a command is about: lookups in the read model, and the cache before them."""
