"""The statements of PostgreSQL are generated from the values and the declared tables, for many rows at once."""

import pytest

from projector.changes import AppendBytes, Change, Delete, DeleteBy, Insert, InsertNew, Read, ReadPairs, Update, Upsert
from projector.postgresql_tables import change_statement, select_statement, storable

INSERT = (
    'INSERT INTO metric_tails ("run_number", "key", "data") SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])'
)
ROWS = 'unnest($1::bytea[], $2::bigint[], $3::text[]) AS n ("data", "run_number", "key")'
MATCHES = 't."run_number" = n."run_number" AND t."key" = n."key"'


@pytest.mark.parametrize(
    ("change", "statement"),
    [
        (Insert("metric_tails", ()), INSERT),
        (InsertNew("metric_tails", ()), f"{INSERT} ON CONFLICT DO NOTHING"),
        (
            Upsert("metric_tails", ()),
            f'{INSERT} ON CONFLICT ("run_number", "key") DO UPDATE SET "data" = excluded."data"',
        ),
        (
            Upsert("metric_tails", (), ("data",)),
            f'{INSERT} ON CONFLICT ("run_number", "key") DO UPDATE SET "data" = excluded."data"'
            ' WHERE (excluded."data") < (metric_tails."data")',
        ),
        (
            Update("metric_tails", ("data",), ()),
            f'UPDATE metric_tails t SET "data" = n."data" FROM {ROWS} WHERE {MATCHES}',
        ),
        (
            AppendBytes("metric_tails", "data", ()),
            f'UPDATE metric_tails t SET "data" = t."data" || n."data" FROM {ROWS} WHERE {MATCHES}',
        ),
        (
            Delete("metric_tails", ()),
            'DELETE FROM metric_tails t USING unnest($1::bigint[], $2::text[]) AS n ("run_number", "key")'
            f" WHERE {MATCHES}",
        ),
        (DeleteBy("metric_tails", "key", ()), 'DELETE FROM metric_tails WHERE "key" = ANY($1::text[])'),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_change_is_one_statement_for_all_rows(change: Change, statement: str) -> None:
    assert change_statement(change) == statement


def test_a_read_takes_all_keys_as_arrays() -> None:
    assert (
        select_statement(Read("runs", ("run_number", "name"), "run_id", ()))
        == 'SELECT t."run_number", t."name" FROM runs t WHERE t."run_id" = ANY($1::text[])'
    )
    assert select_statement(ReadPairs("metric_tails", ("data",), ("run_number", "key"), {})) == (
        'SELECT t."data" FROM metric_tails t JOIN unnest($1::bigint[], $2::text[]) AS n ("run_number", "key")'
        f" ON {MATCHES}"
    )


def test_a_text_is_made_storable_and_other_values_are_left() -> None:
    assert storable(("a\0b", "\ud800", 7, None)) == ("a\N{REPLACEMENT CHARACTER}b", "?", 7, None)
