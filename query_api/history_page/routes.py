"""The routes of the pages, and of the files that they load."""

from event_log.port import EventLogReader
from query_api.history_page.assets import asset_route
from query_api.history_page.comparison import COMPARISON_PATH, ComparisonPage
from query_api.history_page.event import EVENT_PATH, EventPage
from query_api.history_page.timeline import Timeline
from query_api.history_page.web_page import PATH, page_route
from query_api.reads import Reads
from read_model.history.port import HistoryIndex
from schemas.messages.history import GetDiff, ReadHistory, ReadOneEvent
from schemas.rest.route import Route
from schemas.rest.rules import LIST_HISTORY


def history_page_routes(log: EventLogReader, index: HistoryIndex, reads: Reads) -> tuple[Route, ...]:
    """The pages, for who may read the history of what they are about, and their files, which say nothing of anybody."""
    past = reads.past
    return (
        page_route("", ReadHistory, Timeline(log, index, reads).show, LIST_HISTORY),
        page_route(EVENT_PATH, ReadOneEvent, EventPage(log, reads).show),
        *(() if past is None else (page_route(COMPARISON_PATH, GetDiff, ComparisonPage(past).show),)),
        asset_route(PATH),
    )
