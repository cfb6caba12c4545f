"""What the searches of registered models and of their versions have in common: prompts, tags, order and pages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from query_api.dialect import Dialect
from query_api.filter.conditions import Condition, check_filter, check_order
from query_api.filter.pages import fingerprint, page_body, page_of, page_token, sort_values
from query_api.filter.sql import Sql, joined
from query_api.filter.syntax import parse_long_filter, parse_order
from query_api.filter.table_search import SearchedTable, SortKey, find_page
from query_api.filter.value_test import TRUE, index_range, value_test
from query_api.filter.vocabulary import Comparator, Entity, Vocabulary
from query_api.port import ReadModel
from read_model.tables.columns import INDEXED_VALUE_CHARACTERS
from read_model.tables.registered_models import FIRST_CHARACTERS
from schemas.documents.shape import Document
from schemas.errors import InvalidParameterValue
from schemas.mlflow import IS_PROMPT_TAG

FEW: Final = 4_000
"""Rows that a condition leaves: so many are looked up and sorted in less time than it takes to walk an order until a
page of them is found, among a hundred thousand."""

_ASKS_FOR_PROMPTS: Final = {(Comparator.EQUAL, "true"), (Comparator.NOT_EQUAL, "false")}


@dataclass(frozen=True, slots=True, eq=False)
class RegistrySearch:
    """What is searched, and how."""

    results: str
    """The field of the answer."""
    vocabulary: Vocabulary
    document: Document
    table: SearchedTable
    tags: str
    """The table of tags."""
    owner: str
    """The column that is the key of the searched table, and says in the table of tags whose they are."""
    columns: Mapping[str, SortKey]
    """Those that conditions and orders name."""
    indexed: frozenset[str]
    """Those of them, texts, with an index of their own."""
    first: tuple[tuple[str, bool], ...]
    """The order when none is asked for: columns, and whether they descend."""
    ties: tuple[tuple[str, bool], ...]
    """What equal ones are ordered by, so that no two are equal."""
    walked: frozenset[str]
    """The columns that an index has in order, after `is_prompt`."""
    seen: Callable[[ReadModel], Sql]
    """The test of what may be seen; TRUE itself where that is everything."""
    marker_is_own: bool
    """Whether the table of tags is the one by which `is_prompt` is kept."""
    finds_by_tag: bool = False
    """Whether the table of tags has an index by key and value, so that few rows are found among many."""

    async def page(
        self, read_model: ReadModel, filter_text: str, order_by: Sequence[str], token: str, max_results: int
    ) -> bytes:
        """`{"<results>": […], "next_page_token"}`, the token only when there are more; `{}` without any.

        A page of no results at all has the token alone. Raises InvalidParameterValue.
        """
        conditions = check_filter(await parse_long_filter(filter_text), self.vocabulary)
        directions = self._directions(order_by)
        order = [self.columns[name].directed(descending=descending) for name, descending in directions.items()]
        identity = fingerprint(self.results, filter_text, order_by)
        start = page_token(identity, ())
        place = None if token == start else sort_values(token, identity, [key.kind for key in order])
        where = await self._where(read_model, conditions, next(iter(directions)))
        seen = self.seen(read_model)
        if seen is not TRUE:
            where.append(seen)
        document = read_model.dialect.documents.as_bytes(self.document)
        rows = await find_page(read_model, self.table, document, where, order, place, max_results + 1)
        if max_results == 0:
            return _page_of_none(token or start) if rows.rows else b"{}"
        return page_body(self.results, page_of(rows, max_results), identity)

    async def _where(self, read_model: ReadModel, conditions: Sequence[Condition], first_column: str) -> list[Sql]:
        """The tests of a row. Prompts are left out unless the filter asks for them by their tag.

        `first_column` is what the results are ordered by first.

        Source: MLflow 3.17: the first condition on that tag decides; where it does not ask for them, none of those on
        it counts.
        """
        dialect = read_model.dialect
        on_marker = [condition for condition in conditions if _is_on_marker(condition)]
        asks = bool(on_marker) and _asks_for_prompts(on_marker[0])
        by_column = asks and self.marker_is_own and on_marker[0].comparator is Comparator.EQUAL
        if by_column:  # whatever the letter case of the tag: nobody would see a prompt that neither search finds
            kept = [condition for condition in conditions if condition is not on_marker[0]]
        else:
            kept = [condition for condition in conditions if asks or not _is_on_marker(condition)]
        # A common beginning may be that of every name. It is narrowed down by where the order is walked from there too.
        is_sure = [one.comparator is not Comparator.LIKE or one.name == first_column for one in kept]
        ranges = [self._range(dialect, condition) for condition in kept]
        narrowing = [one for one, sure in zip(ranges, is_sure, strict=True) if sure and one is not TRUE]
        if not narrowing:
            unsure = [one for one, sure in zip(ranges, is_sure, strict=True) if not sure and one is not TRUE]
            narrowing = await self._few(read_model, unsure, [one for one in kept if _needs_tag(one)])
        tests = [self._test(dialect, condition) for condition in kept]
        # A comparison that no index serves, unless the one by is_prompt is wanted for its order.
        by_index = first_column in self.walked and not narrowing
        if not asks:
            tests.append(self._is_prompt("= 0" if by_index else "<> 1"))
        elif by_column:
            tests.append(self._is_prompt("= 1" if by_index else "<> 0"))
        return [*narrowing, *(test for test in tests if test not in narrowing)]

    async def _few(self, read_model: ReadModel, ranges: Sequence[Sql], tagged: Sequence[Condition]) -> list[Sql]:
        """Of some ranges, and conditions on tags, the one that the fewest rows can meet, when these are few, as a test.

        Otherwise none: many are soon found by walking the order.
        """
        sources = [(Sql(f"{self.table.source} WHERE {one.text}", one.parameters), one) for one in ranges]
        for condition in tagged if self.finds_by_tag else ():
            rows = self._tagged(condition)
            sources.append((rows, Sql(f"{self._key} IN (SELECT {self.owner} FROM {rows.text})", rows.parameters)))
        if not sources:
            return []
        counts = joined(
            ", ",
            [
                Sql(f"(SELECT count(*) FROM (SELECT 1 FROM {rows.text} LIMIT {FEW + 1}) counted)", rows.parameters)
                for rows, _ in sources
            ],
        )
        statement = read_model.dialect.assembled(Sql(f"SELECT {counts.text}", counts.parameters))
        [found] = await read_model.fetch(*statement)
        count, index = min((count, index) for index, count in enumerate(found))
        return [sources[index][1]] if count <= FEW else []

    def _tagged(self, condition: Condition) -> Sql:
        """The rows of the table of tags among which those are that meet the condition, as an index has them."""
        if condition.comparator is not Comparator.EQUAL:
            return Sql(f"{self.tags} WHERE key = ?", (condition.name,))
        assert isinstance(condition.operand, str)
        begins = condition.operand[:INDEXED_VALUE_CHARACTERS]
        return Sql(f"{self.tags} WHERE key = ? AND {FIRST_CHARACTERS} = ?", (condition.name, begins))

    def _is_prompt(self, comparison: str) -> Sql:
        return Sql(f"{self._alias}.is_prompt {comparison}")

    @property
    def _key(self) -> str:
        """The one column that is the primary key."""
        [key] = self.table.key
        return key

    @property
    def _alias(self) -> str:
        return self._key.partition(".")[0]

    def _test(self, dialect: Dialect, condition: Condition) -> Sql:
        if condition.entity is Entity.ATTRIBUTE:
            return value_test(dialect, condition, self.columns[condition.name].expression.text)
        test = value_test(dialect, condition, "value")
        negation = "NOT " if condition.comparator is Comparator.IS_NULL else ""
        return Sql(
            f"{negation}EXISTS (SELECT 1 FROM {self.tags} WHERE {self.owner} = {self._key} AND key = ?"
            f" AND {test.text})",
            (condition.name, *test.parameters),
        )

    def _range(self, dialect: Dialect, condition: Condition) -> Sql:
        """What an index narrows down by, TRUE where none does."""
        if condition.entity is not Entity.ATTRIBUTE or condition.name not in self.indexed:
            return TRUE
        return index_range(dialect, condition, self.columns[condition.name].expression.text)

    def _directions(self, order_by: Sequence[str]) -> dict[str, bool]:
        """The columns of the order, and whether each descends.

        Raises InvalidParameterValue, also for a column that is named again.
        """
        directions: dict[str, bool] = {}
        for term in check_order([parse_order(text) for text in order_by], self.vocabulary):
            if term.name in directions:
                raise InvalidParameterValue(f"order_by names '{term.name}' twice.")
            directions[term.name] = term.descending
        for name, descending in (*(() if directions else self.first), *self.ties):
            directions.setdefault(name, descending)
        return directions


def _is_on_marker(condition: Condition) -> bool:
    return condition.entity is Entity.TAG and condition.name == IS_PROMPT_TAG


def _needs_tag(condition: Condition) -> bool:
    return condition.entity is Entity.TAG and condition.comparator is not Comparator.IS_NULL


def _asks_for_prompts(condition: Condition) -> bool:
    return isinstance(condition.operand, str) and (
        (condition.comparator, condition.operand.lower()) in _ASKS_FOR_PROMPTS
    )


def _page_of_none(token: str) -> bytes:
    return b'{"next_page_token":"%b"}' % token.encode()
