"""The steps that make the tables of `schemas.control`, in order. A step that was released is never edited."""
