"""The read routes of scorers."""

from query_api.reads import Reads
from query_api.scorers.answers import get_online_configs, get_scorer, list_scorer_versions, list_scorers
from schemas.messages.scorers import GetOnlineScoringConfigs, GetScorer, ListScorers, ListScorerVersions
from schemas.rest.route import V3, Permission, Route
from schemas.rest.rules import READ_SCORER


def scorer_routes(reads: Reads) -> tuple[Route, ...]:
    seen = Permission.SEEN
    return (
        reads.route("GET", "scorers/get", GetScorer, get_scorer, READ_SCORER, prefixes=V3),
        reads.route("GET", "scorers/versions", ListScorerVersions, list_scorer_versions, READ_SCORER, prefixes=V3),
        reads.route("GET", "scorers/list", ListScorers, list_scorers, seen, prefixes=V3),
        reads.route("GET", "scorers/online-configs", GetOnlineScoringConfigs, get_online_configs, seen, prefixes=V3),
    )
