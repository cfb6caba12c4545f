"""The timeline: the events that a filter finds, page by page."""

from collections.abc import Iterable
from dataclasses import replace

from aiohttp import web

from event_log.port import EventLogReader
from query_api.history.request import wanted_of
from query_api.history.routes import wait_for_index
from query_api.history.search import History
from query_api.history.seen import seen_history
from query_api.history_page.entries import lines_of, with_query
from query_api.history_page.pages import HISTORY, page_text
from query_api.history_page.subject import ABOUT, NAMED, SUBJECTS, subject_of
from query_api.history_page.web_page import PATH
from query_api.reads import Reads
from read_model.history.port import HistoryIndex
from schemas.events import EVENT_TYPES
from schemas.messages.history import NEWEST, OLDEST, HistoryFilter, ReadHistory


class Timeline:
    def __init__(self, log: EventLogReader, index: HistoryIndex, reads: Reads) -> None:
        self._log = log
        self._index = index
        self._reads = reads
        self._history = History(log, index)

    async def show(self, request: web.Request, asked: ReadHistory, root: str) -> str:
        newest_first, limit = asked.newest_first, asked.checked_limit()
        await wait_for_index(request, self._log, self._index, self._reads)
        wanted, seen = await wanted_of(asked, self._reads.read_model), await seen_history(request, asked)
        if seen is not None:
            wanted = await seen.narrowed(wanted, self._reads.read_model)
        page = await self._history.page(wanted, newest_first=newest_first, limit=limit, cursor=asked.cursor, seen=seen)
        query = [(name, value) for name, value in request.query.items() if name != "cursor"]
        subject = replace(subject_of(asked), is_all_seen=seen is None)
        return page_text(
            HISTORY,
            root=root,
            title=f"History of {subject.text}",
            path=root + PATH,
            live=with_query(f"{root}/api/tracklog/v1/history/stream", _followed(query)) if newest_first else "",
            compared_as=subject.compared_as if self._reads.past is not None else "",
            subject=subject,
            subjects=SUBJECTS,
            about=ABOUT,
            named=NAMED,
            types=sorted(EVENT_TYPES),
            orders={NEWEST: "newest first", OLDEST: "oldest first"},
            asked=asked,
            lines=list(lines_of(page.events)),
            older=None if page.is_last else with_query(root + PATH, [*query, ("cursor", page.cursor)]),
        )


def _followed(query: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """What of a query says which events, and not which page of them."""
    return ((name, value) for name, value in query if name in HistoryFilter.__struct_fields__)
