"""What is answered of scorers. Those of deleted experiments are not there, as in MLflow."""

from collections.abc import Sequence
from typing import Final

import orjson

from query_api.experiments.active import active_experiment
from query_api.experiments.seen import seen_experiments
from query_api.filter.pages import joined_documents
from query_api.filter.sql import Sql, joined
from query_api.filter.value_test import is_one_of
from query_api.port import ReadModel
from query_api.seen import FALSE, is_seen, sight_of
from schemas.documents.scorers import SCORER, online_config
from schemas.errors import InvalidParameterValue
from schemas.events.scorers import scorer_reference
from schemas.levels import SCORER as SCORER_TYPE
from schemas.messages.experiments import experiment_id_of
from schemas.messages.scorers import (
    GetOnlineScoringConfigs,
    GetScorer,
    ListScorers,
    ListScorerVersions,
    scorer_not_found,
)
from schemas.mlflow import ACTIVE
from schemas.sight import Scope

LATEST: Final = Sql("v.version = (SELECT max(version) FROM scorer_versions WHERE scorer_id = v.scorer_id)")
ACTIVE_EXPERIMENT: Final = Sql("e.lifecycle_stage = ?", (ACTIVE,))


async def get_scorer(read_model: ReadModel, wanted: GetScorer) -> bytes:
    """`{"scorer": …}`, the latest version unless a number is asked for. Raises ResourceDoesNotExist."""
    experiment_id, _ = await active_experiment(read_model, wanted.experiment_id)
    which = LATEST if wanted.version is None else Sql("v.version = ?", (wanted.version,))
    found = await _versions(read_model, [_named(experiment_id, wanted.name), which])
    if not found:
        raise scorer_not_found(experiment_id, wanted.name, wanted.version)
    return b'{"scorer":%b}' % found


async def list_scorer_versions(read_model: ReadModel, wanted: ListScorerVersions) -> bytes:
    """`{"scorers": […]}` of one scorer, by number. Raises ResourceDoesNotExist where there is none."""
    experiment_id, _ = await active_experiment(read_model, wanted.experiment_id)
    found = await _versions(read_model, [_named(experiment_id, wanted.name)])
    if not found:
        raise scorer_not_found(experiment_id, wanted.name)
    return b'{"scorers":[%b]}' % found


async def list_scorers(read_model: ReadModel, wanted: ListScorers) -> bytes:
    """`{"scorers": […]}`: the latest versions by experiment and name, of those that may be seen; `{}` without any.

    Raises ResourceDoesNotExist for an experiment that there is not, InvalidParameterValue.
    """
    where = [LATEST, ACTIVE_EXPERIMENT, *_seen(read_model)]
    if wanted.experiment_id:
        if wanted.experiment_ids:
            raise InvalidParameterValue("Cannot specify both 'experiment_id' and 'experiment_ids'.")
        experiment_id, _ = await active_experiment(read_model, wanted.experiment_id)
        where.append(Sql("s.experiment_id = ?", (experiment_id,)))
    elif wanted.experiment_ids:
        experiment_ids = [experiment_id_of(text) for text in sorted(set(wanted.experiment_ids))]
        where.append(is_one_of(read_model.dialect, "s.experiment_id", experiment_ids))
    found = await _versions(read_model, where)
    return b'{"scorers":[%b]}' % found if found else b"{}"


async def get_online_configs(read_model: ReadModel, wanted: GetOnlineScoringConfigs) -> bytes:
    """`{"configs": […]}` of those scorers that have one and may be seen, by their ids."""
    named = is_one_of(read_model.dialect, "c.scorer_id", sorted(set(wanted.scorer_ids or ())))
    met = joined(" AND ", [named, *_seen(read_model)])
    statement = Sql(
        "SELECT c.online_scoring_config_id, c.scorer_id, c.sample_rate, s.experiment_id, c.filter_string"
        " FROM online_scoring_configs c JOIN scorers s ON s.scorer_id = c.scorer_id"
        f" JOIN experiments e ON e.experiment_id = s.experiment_id WHERE {met.text} ORDER BY c.scorer_id",
        met.parameters,
    )
    rows = await read_model.fetch(*read_model.dialect.assembled(statement))
    return orjson.dumps({"configs": [online_config(*row) for row in rows]})


def _named(experiment_id: int, name: str) -> Sql:
    return Sql("s.reference = ?", (scorer_reference(experiment_id, name),))


async def _versions(read_model: ReadModel, where: Sequence[Sql]) -> bytes:
    """The JSON of versions with commas between, by experiment, name and number.

    Raises InvalidParameterValue when they are more than an answer may hold.
    """
    met = joined(" AND ", where)
    statement = Sql(
        f"SELECT {read_model.dialect.documents.as_bytes(SCORER)} FROM scorers s"
        " JOIN scorer_versions v ON v.scorer_id = s.scorer_id"
        f" JOIN experiments e ON e.experiment_id = s.experiment_id WHERE {met.text}"
        " ORDER BY s.experiment_id, s.name, v.version",
        met.parameters,
    )
    return joined_documents(await read_model.fetch_first(*read_model.dialect.assembled(statement)), "scorers")


def _seen(read_model: ReadModel) -> list[Sql]:
    """The tests of what may be seen of scorers."""
    sight = sight_of(read_model)
    if sight is None:
        return []
    if sight.scope(SCORER_TYPE) is Scope.NOTHING:
        return [FALSE]
    dialect = read_model.dialect
    not_denied = is_seen(dialect, sight, (SCORER_TYPE,), Scope.ALL_BUT_DENIED, "s.reference", FALSE)
    return [seen_experiments(dialect, sight), not_denied]
