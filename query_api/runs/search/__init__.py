"""The search of runs, the one written by hand for each database: conditions to a plan to SQL to a page."""
