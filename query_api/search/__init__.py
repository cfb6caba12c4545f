"""Searches: text to syntax tree to checked conditions to SQL to one page of JSON."""

from query_api.search.datasets import search_datasets
from query_api.search.experiments import search_experiments
from query_api.search.logged_models import search_logged_models
from query_api.search.runs import search_runs

__all__ = ["search_datasets", "search_experiments", "search_logged_models", "search_runs"]
