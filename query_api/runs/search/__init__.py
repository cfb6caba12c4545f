"""The search of runs, the one whose plan is fixed for each database; each step from a request to a page is a module.

`search` makes a `run_search` of the request, with its `order`. `conditions` makes SQL of what is asked, over the
tables and columns of `columns`; `counting` counts the runs that meet each condition, and `plan` chooses by the counts
where to start. `walk` cuts the order into parts; `sqlite` and `postgresql` make the statements, and the page.
"""
