"""The language of all searches: text to syntax tree to checked conditions, and the pages of an answer."""
