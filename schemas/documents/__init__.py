"""The JSON of what is tracked, declared once: as queries answer it from rows, and ingest from what it knows.

Tables and columns are named, not imported: the shape belongs to the language of all services, and ingest renders it
without a row. A table or column that the read model does not have is an error when `query_api` makes SQL of it, and a
test makes SQL of every document.
"""
