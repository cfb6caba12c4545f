"""Documents in SQLite's SQL.

Doubles are spliced in as the JSON they are kept as, because SQLite would print 15 digits. Each list is one index range
read, in whose order its rows come unless they have one of their own; an empty one must be left out, so its '[]' or NULL
becomes nothing.
"""

from collections.abc import Sequence

from query_api.documents import Columns, DocumentCompiler, KeyedDocument, condition_of, order_of, rows_from
from schemas.documents.shape import Document, Integer, Json, List, Object, Text


class SqliteDocuments(DocumentCompiler):
    """Text put together with `||`, of which every operand must be text."""

    def _statement_by_key(self, keyed: KeyedDocument) -> str:
        """The key is the only parameter, the body the only column."""
        source = keyed.document.source
        where = f" AND {keyed.where}" if keyed.where else ""
        return (
            f"SELECT CAST({self._object_of(keyed.shape, source)} AS BLOB)\n"
            f"FROM {self.rows_of(source)} WHERE {source.alias}.{keyed.key} = ?{where}"
        )

    def as_bytes(self, document: Document) -> str:
        return f"CAST({self.as_text(document)} AS BLOB)"

    def _concatenation(self, expressions: Sequence[str]) -> str:
        return " || ".join(expressions)

    def _quoted(self, column: str) -> str:
        return f"json_quote({column})"

    def _if(self, condition: str, text: str) -> str:
        return f"iif({condition}, {text}, '')"

    def _without_first(self, texts: Sequence[str]) -> str:
        return f"substr({self._concatenation(texts)}, 2)"

    def _list(self, member: List, columns: Columns, owner: str) -> str:
        found = f"FROM {rows_from(member.rows, 'CROSS JOIN')} WHERE {condition_of(member.rows, owner)}"
        if member.rows.order:
            items = f"SELECT {self._item(member.item, columns)} AS item {found} ORDER BY {order_of(member.rows)}"
            return f"""coalesce(',"{member.name}":[' || (SELECT group_concat(item, ',') FROM ({items})) || ']', '')"""
        if (members := _plain_members(member.item, columns)) is not None:
            array = f"(SELECT json_group_array(json_object({members})) {found})"
            return f"""coalesce(',"{member.name}":' || nullif({array}, '[]'), '')"""
        items = self._item(member.item, columns)
        return f"""coalesce(',"{member.name}":[' || (SELECT group_concat({items}, ',') {found}) || ']', '')"""


def _plain_members(item: Object | Text, columns: Columns) -> str | None:
    """What json_object makes the same bytes of, in less time; None when it cannot."""
    if isinstance(item, Text):
        return None
    members = []
    for member in item.members:
        if not isinstance(member, Text | Integer | Json):
            return None
        column = columns.sql(member.column)
        members.append(f"'{member.name}', {f'json({column})' if isinstance(member, Json) else column}")
    return ", ".join(members)
