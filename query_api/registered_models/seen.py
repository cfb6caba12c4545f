"""Which registered models, prompts among them, somebody may see, and which of their versions."""

from query_api.dialect import Dialect
from query_api.filter.sql import Sql, joined
from query_api.filter.value_test import TRUE
from query_api.port import ReadModel
from query_api.seen import FALSE, is_seen, sight_of
from schemas.levels import PROMPT, REGISTERED_MODEL
from schemas.rest.access import MODEL_VERSION, PROMPT_VERSION
from schemas.sight import Scope, Sight


def seen_models(read_model: ReadModel) -> Sql:
    """Whether a row of `registered_models m` is seen.

    What is granted on one model or prompt holds whichever of the two it is now; what is granted on all, for its kind.
    """
    sight = sight_of(read_model)
    return TRUE if sight is None else _seen(read_model.dialect, sight)


def seen_versions(read_model: ReadModel) -> Sql:
    """Whether a row of `model_versions v` is seen."""
    sight = sight_of(read_model)
    if sight is None:
        return TRUE
    kinds = [kind for kind, tier in ((0, MODEL_VERSION), (1, PROMPT_VERSION)) if sight.scope(tier) is not Scope.NOTHING]
    if not kinds:
        return FALSE
    seen = _seen(read_model.dialect, sight)
    if seen == TRUE and len(kinds) == 2:
        return TRUE
    of_kind = "" if len(kinds) == 2 else f"m.is_prompt = {kinds[0]} AND "
    return Sql(
        f"v.registered_model_id IN (SELECT m.registered_model_id FROM registered_models m WHERE {of_kind}{seen.text})",
        seen.parameters,
    )


def _seen(dialect: Dialect, sight: Sight) -> Sql:
    scopes = (sight.scope(REGISTERED_MODEL), sight.scope(PROMPT))
    both = (REGISTERED_MODEL, PROMPT)
    own = Sql(
        "m.registered_model_id IN (SELECT registered_model_id FROM registered_model_owners WHERE user_id = ?)",
        (sight.user_id,),
    )
    tests = [is_seen(dialect, sight, both, scope, "m.registered_model_id", own) for scope in scopes]
    if tests[0] == tests[1]:
        return Sql(f"({tests[0].text})", tests[0].parameters)
    each = [Sql(f"(m.is_prompt = {kind} AND {test.text})", test.parameters) for kind, test in enumerate(tests)]
    either = joined(" OR ", each)
    return Sql(f"({either.text})", either.parameters)
