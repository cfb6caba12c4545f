"""Reads of single things as of a moment that is past, folded from their streams on the spot."""
