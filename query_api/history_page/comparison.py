"""Two moments of one run, experiment or registered model side by side."""

from typing import Final

from aiohttp import web

from query_api.history_page.entries import Change
from query_api.history_page.pages import COMPARISON, page_text
from query_api.history_page.subject import compared_subject
from query_api.history_page.web_page import PATH
from query_api.past.diff import NOW, between, compared
from query_api.past.past import Past
from schemas.messages.history import GetDiff
from schemas.moments import positions_text
from schemas.rest.access import ASKING

COMPARISON_PATH: Final = "/compare"

A_DAY_AGO: Final = "1d"


class ComparisonPage:
    def __init__(self, past: Past) -> None:
        self._past = past

    async def show(self, request: web.Request, wanted: GetDiff, root: str) -> str:
        begin_text, end_text = request.query.get("from", A_DAY_AGO), request.query.get("to", NOW)
        begin, end = await between(self._past, begin_text, end_text)
        await self._past.caught_up(request)
        found = await compared(self._past, wanted, begin, end, is_administrator=request.get(ASKING) is None)
        subject = compared_subject(wanted)
        return page_text(
            COMPARISON,
            root=root,
            title=f"What changed in {subject.text}",
            path=root + PATH + COMPARISON_PATH,
            subject=subject,
            begin_text=begin_text,
            end_text=end_text,
            begin=positions_text(begin),
            end=positions_text(end),
            changes=[Change.of(one) for one in found],
        )
