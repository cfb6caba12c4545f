"""The language of all searches, which names no aggregate; each step from text to a page is a module.

`syntax` makes a tree of text, and `conditions` checks it by a `vocabulary` and its `values`. `value_test` and
`sort_columns` make pieces of `sql` of the conditions and the order. `table_search` finds the page in one table;
`pages` bounds it and gives it a token.
"""
