"""What a projection reads of the tables and what it changes in them, as values that any database can carry out.

Tables and columns are named as `read_model.tables` declares them. A row is a tuple; rows and keys of one value are of
one shape, and no key is in it twice.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

Row = tuple[Any, ...]


class Read(msgspec.Struct, frozen=True, gc=False):
    """Rows of `table` as tuples of `columns`: those that hold one of `keys` in the column `by`."""

    table: str
    columns: tuple[str, ...]
    by: str
    keys: Collection[Any]


class ReadPairs(msgspec.Struct, frozen=True, gc=False):
    """Rows of `table` as tuples of `columns`: those that hold one of the pairs `keys` in the two columns `by`.

    The pairs are given by their first value: for each of these, all second values.
    """

    table: str
    columns: tuple[str, ...]
    by: tuple[str, str]
    keys: Mapping[Any, Collection[Any]]


class NewNumbers(msgspec.Struct, frozen=True, gc=False):
    """`count` numbers for the key `column` of rows to be inserted into `table`, as rows of one column.

    None of them is that of a row, nor given to another writer whose commit succeeds. They are for rows of the next
    commit: those of a commit that failed may be given again, or never.
    In PostgreSQL they come from the sequence that is named as the column in the plural.
    """

    table: str
    column: str
    count: int


Reading = Read | ReadPairs | NewNumbers


class Insert(msgspec.Struct, frozen=True, gc=False):
    """Whole rows whose primary keys are not in the table."""

    table: str
    rows: Sequence[Row]


class InsertNew(msgspec.Struct, frozen=True, gc=False):
    """Whole rows, of which those stay out whose primary keys are in the table."""

    table: str
    rows: Sequence[Row]


class Upsert(msgspec.Struct, frozen=True, gc=False):
    """Whole rows, each in the place of the one with its primary key if there is one.

    Where `first_by` names columns, a row replaces another only if it is less in them.
    """

    table: str
    rows: Sequence[Row]
    first_by: tuple[str, ...] = ()


class Update(msgspec.Struct, frozen=True, gc=False):
    """New values of `columns` in rows that are there: a row here holds those values, then its primary key."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]


class AppendBytes(msgspec.Struct, frozen=True, gc=False):
    """Bytes to the end of `column` in rows that are there: a row here holds those bytes, then its primary key."""

    table: str
    column: str
    rows: Sequence[Row]


class Delete(msgspec.Struct, frozen=True, gc=False):
    """Rows by their primary keys, whether they are there or not."""

    table: str
    rows: Sequence[Row]


class DeleteBy(msgspec.Struct, frozen=True, gc=False):
    """Every row that holds in `column` one of the values of `rows`, which are rows of one column."""

    table: str
    column: str
    rows: Sequence[Row]


class DeleteUnheld(msgspec.Struct, frozen=True, gc=False):
    """Rows by their primary keys, but for those that a row of the table `held_by` names in columns of these names."""

    table: str
    rows: Sequence[Row]
    held_by: str


Change = Insert | InsertNew | Upsert | Update | AppendBytes | Delete | DeleteBy | DeleteUnheld
