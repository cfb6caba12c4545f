"""The read route of datasets."""

from query_api.datasets.search import search_datasets
from query_api.reads import Reads
from schemas.messages.experiments import SearchDatasets
from schemas.rest.route import V2_AJAX_ONLY, Route
from schemas.rest.rules import READ_EXPERIMENTS


def dataset_routes(reads: Reads) -> tuple[Route, ...]:
    path = "experiments/search-datasets"
    return (reads.route("POST", path, SearchDatasets, search_datasets, READ_EXPERIMENTS, prefixes=V2_AJAX_ONLY),)
