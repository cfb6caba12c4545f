"""The versions of registered models: their documents and their search."""
