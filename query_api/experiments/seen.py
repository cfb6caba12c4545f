"""Which experiments somebody may see."""

from collections.abc import Sequence

from query_api.dialect import Dialect
from query_api.filter.sql import Sql
from query_api.filter.value_test import is_one_of
from query_api.port import ReadModel
from query_api.seen import is_seen, sight_of
from schemas.levels import EXPERIMENT
from schemas.sight import Scope, Sight


def seen_experiments(dialect: Dialect, sight: Sight) -> Sql:
    """Whether a row of `experiments e` is seen."""
    own = Sql("e.experiment_id IN (SELECT experiment_id FROM experiment_owners WHERE user_id = ?)", (sight.user_id,))
    return is_seen(dialect, sight, (EXPERIMENT,), sight.scope(EXPERIMENT), "CAST(e.experiment_id AS text)", own)


async def seen_among(read_model: ReadModel, experiment_ids: Sequence[int], within: str) -> list[int]:
    """Those of some experiments of which things of the type `within` are seen, such as runs."""
    sight = sight_of(read_model)
    if sight is None or not experiment_ids:
        return list(experiment_ids)
    if sight.scope(within) is Scope.NOTHING:
        return []
    wanted, seen = (
        is_one_of(read_model.dialect, "e.experiment_id", experiment_ids),
        seen_experiments(read_model.dialect, sight),
    )
    statement = read_model.dialect.assembled(
        Sql(
            f"SELECT e.experiment_id FROM experiments e WHERE {wanted.text} AND {seen.text} ORDER BY 1",
            wanted.parameters + seen.parameters,
        )
    )
    return [row[0] for row in await read_model.fetch(*statement)]
