"""The steps that make the tables of `schemas.read_model`, in order. A step that was released is never edited."""
