"""Documents as SQL: an expression over a row that makes the JSON of `schemas.documents`, in the database itself.

What JSON is made of, and where commas go, is decided here; how text is quoted, put together and collected from several
rows differs between databases. No table and no document is named: `read_model.tables` says what there is.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Table

from read_model.tables import metadata
from schemas.documents.shape import (
    Computed,
    Constant,
    Digits,
    Document,
    Integer,
    Json,
    List,
    Nested,
    Numbered,
    Object,
    Optional,
    Present,
    Rows,
    Source,
    Text,
    Word,
)


@dataclass(frozen=True, slots=True, eq=False)
class KeyedDocument:
    """The answer `{"<name>": <document>}` for the one row of a document's source that has a key in a column.

    Without a name the answer is the document itself. `where` is a further condition on the row, in the SQL of every
    database.
    """

    name: str
    document: Document
    key: str
    where: str = ""

    @property
    def shape(self) -> Object:
        return Object(Nested(self.name, self.document.shape)) if self.name else self.document.shape


@dataclass(frozen=True, slots=True)
class Literal:
    """Characters of the JSON itself."""

    text: str


Piece: TypeAlias = Literal | str
"""What is put one after the other: characters, or an SQL expression for some."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where columns are found: in the first of some tables that has one, by the table's name or alias."""

    tables: tuple[tuple[str, Table], ...]

    def sql(self, column: str) -> str:
        """Raises KeyError for a column that no table has."""
        for prefix, table in self.tables:
            if column in table.c:
                return f"{prefix}{column}"
        raise KeyError(f"{column} is a column of none of {[table.name for _, table in self.tables]}")


class DocumentCompiler(ABC):
    """Compiles documents to the SQL of one database. All of them answer the same bytes."""

    def __init__(self) -> None:
        self._by_key: dict[KeyedDocument, str] = {}
        self._texts: dict[Document, str] = {}

    def by_key(self, keyed: KeyedDocument) -> str:
        """The statement for one document, as the database's adapter of `ReadModel.document` wants it."""
        statement = self._by_key.get(keyed)
        if statement is None:
            statement = self._by_key[keyed] = self._statement_by_key(keyed)
        return statement

    def as_text(self, document: Document) -> str:
        """An expression for the JSON of a row of the document's source."""
        text = self._texts.get(document)
        if text is None:
            text = self._texts[document] = self._object_of(document.shape, document.source)
        return text

    @abstractmethod
    def as_bytes(self, document: Document) -> str:
        """As `as_text`, in UTF-8."""

    @abstractmethod
    def _statement_by_key(self, keyed: KeyedDocument) -> str: ...

    def _object_of(self, shape: Object, source: Source) -> str:
        return self._together(self._object(shape, _columns_of(source)))

    def rows_of(self, source: Source) -> str:
        """What comes after FROM."""
        if source.joined is None:
            return f"{source.table} {source.alias}"
        joined = source.joined
        same = _same_key(f"{joined.alias}.", metadata.tables[joined.table], f"{source.alias}.")
        return f"{source.table} {source.alias} LEFT JOIN {joined.table} {joined.alias} ON {same}"

    @abstractmethod
    def _concatenation(self, expressions: Sequence[str]) -> str:
        """The texts of some expressions, one after the other."""

    @abstractmethod
    def _quoted(self, column: str) -> str:
        """The JSON of a text."""

    @abstractmethod
    def _if(self, condition: str, text: str) -> str:
        """The text, nothing when the condition is false or NULL."""

    @abstractmethod
    def _without_first(self, texts: Sequence[str]) -> str:
        """Some texts one after the other, the first character left out."""

    @abstractmethod
    def _list(self, member: List, columns: Columns, owner: str) -> str:
        """`,"name":[…]` with the item of `columns` for each row of `owner`, nothing when there are none."""

    def _item(self, item: Object | Text, columns: Columns) -> str:
        """An item of a list as an expression."""
        pieces = self._object(item, columns) if isinstance(item, Object) else self._value(item, columns)
        return self._together(pieces)

    def _together(self, pieces: Sequence[Piece]) -> str:
        """An expression for some pieces; characters side by side become one."""
        merged: list[Piece] = []
        for piece in pieces:
            last = merged[-1] if merged else None
            if isinstance(piece, Literal) and isinstance(last, Literal):
                merged[-1] = Literal(last.text + piece.text)
            else:
                merged.append(piece)
        return self._concatenation([_sql(piece) for piece in merged])

    def _object(self, shape: Object, columns: Columns) -> list[Piece]:
        return [Literal("{"), *self._members(shape, columns), Literal("}")]

    def _members(self, shape: Object, columns: Columns) -> list[Piece]:
        """The inside of an object. A member that may be left out has a comma with it.

        That is the one before it; where no other member comes first, the one after it; where there are no others at
        all, the first character goes.
        """
        members = shape.members
        absentable = [member for member in members if isinstance(member, Optional | List)]
        if members and len(absentable) == len(members):
            return [self._without_first([self._absentable(member, columns, ",", "") for member in absentable])]
        pieces: list[Piece] = []
        is_first = True
        for member in members:
            if isinstance(member, Optional | List):
                before, after = ("", ",") if is_first else (",", "")
                pieces.append(self._absentable(member, columns, before, after))
            else:
                pieces += [Literal(f'{"" if is_first else ","}"{member.name}":'), *self._value(member, columns)]
                is_first = False
        return pieces

    def _absentable(self, member: Optional | List, columns: Columns, before: str, after: str) -> str:
        if isinstance(member, List):
            assert before, f"the list {member.name} comes before every member that is always there"
            return self._list(member, _columns_of_rows(member.rows), columns.sql(member.rows.owner))
        column = columns.sql(member.member.column)
        present = f"{column} IS NOT NULL" if member.empty is None else f"{column} <> '{member.empty}'"
        pieces = [Literal(f'{before}"{member.name}":'), *self._value(member.member, columns)]
        return self._if(present, self._together([*pieces, Literal(after)] if after else pieces))

    def _value(self, member: Present, columns: Columns) -> list[Piece]:
        match member:
            case Text():
                return [self._quoted(columns.sql(member.column))]
            case Integer() | Json():
                return [columns.sql(member.column)]
            case Word() | Digits():
                return _in_quotes(columns.sql(member.column))
            case Numbered():
                cases = " ".join(f"WHEN {number} THEN '{word}'" for number, word in member.words.items())
                return _in_quotes(f"CASE {columns.sql(member.column)} {cases} ELSE '{member.otherwise}' END")
            case Computed():
                return _in_quotes(member.sql)
            case Constant():
                return [Literal(f'"{member.word}"')]
            case Nested():
                return self._object(member.object, columns)


def rows_from(rows: Rows, join: str) -> str:
    """What comes after FROM for the rows of a list, `join` being the word between two tables."""
    if rows.joined is None:
        return rows.table
    same = _same_key(f"{rows.joined}.", metadata.tables[rows.joined], f"{rows.table}.")
    return f"{rows.table} {join} {rows.joined} ON {same}"


def condition_of(rows: Rows, owner: str) -> str:
    """What comes after WHERE for the rows of a list, `owner` being the column of the row around them."""
    same_owner = f"{_columns_of_rows(rows).sql(rows.owner)} = {owner}"
    return f"{same_owner} AND {rows.where}" if rows.where else same_owner


def order_of(rows: Rows) -> str:
    """What comes after ORDER BY for the rows of a list."""
    keys = (column.name for column in metadata.tables[rows.table].primary_key if column.name != rows.owner)
    return rows.order or ", ".join(map(_columns_of_rows(rows).sql, keys))


def _columns_of(source: Source) -> Columns:
    sources = [source] if source.joined is None else [source, source.joined]
    return Columns(tuple((f"{one.alias}.", metadata.tables[one.table]) for one in sources))


def _columns_of_rows(rows: Rows) -> Columns:
    if rows.joined is None:
        return Columns(((f"{rows.table}.", metadata.tables[rows.table]),))
    return Columns(tuple((f"{name}.", metadata.tables[name]) for name in (rows.table, rows.joined)))


def _same_key(one: str, keyed: Table, other: str) -> str:
    return " AND ".join(f"{one}{column.name} = {other}{column.name}" for column in keyed.primary_key)


def _in_quotes(expression: str) -> list[Piece]:
    return [Literal('"'), expression, Literal('"')]


def _sql(piece: Piece) -> str:
    return f"'{piece.text}'" if isinstance(piece, Literal) else piece
