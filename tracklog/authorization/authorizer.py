"""Judges whether somebody may do what a request asks for.

Source of the rules: the permissions of MLflow 3.17, as observed. A veto (DENY) on a resource or on all of its type
takes away whatever else was granted; otherwise the highest level counts, and at least the default one. What lies in
something else (a run in an experiment, a version in a model) is judged like it, unless something was granted on all of
its own type; and it has to be allowed to read what it lies in.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from schemas.errors import BadRequest, InvalidParameterValue, PermissionDenied
from schemas.levels import EXPERIMENT, HISTORY, PROMPT, REGISTERED_MODEL, SCORER, Level, combined
from schemas.messages.experiments import experiment_id_of
from schemas.messages.message import Message
from schemas.principal import Principal
from schemas.rest.access import (
    ARTIFACT,
    ARTIFACT_LOCATION,
    EVALUATION_DATASET,
    EXPERIMENT_NAMED,
    GRANTED,
    ISSUE,
    LABEL_SCHEMA,
    LOGGED_MODEL,
    MODEL_VERSION,
    PROMPT_VERSION,
    REVIEW_QUEUE,
    RUN,
    SOURCE,
    TRACE,
    TRACE_IF_ANY,
    TRACES_OF,
    Asking,
    Creates,
    On,
    Rule,
)
from schemas.rest.rules import SEEN_HISTORY
from schemas.sight import Scope, Sight
from tracklog.authorization.grants import Grants
from tracklog.authorization.resources import Belonging, NamedModel, Resources, proxied_path

DENIED: Final = "Permission denied"
NO_ACCOUNT: Final = "Permission denied: {name} has no account here, and so could not have what they create."

_OF_NO_EXPERIMENT: Final = -1


class Authorizer:
    """`default` is the level of everybody on everything, unless it is denied to them."""

    def __init__(self, grants: Grants, resources: Resources, default: Level) -> None:
        self._grants = grants
        self._resources = resources
        self._default = default
        self._judges: dict[str, Callable[[Principal, str, Level], Awaitable[bool]]] = {
            EXPERIMENT: self._on_experiment,
            EXPERIMENT_NAMED: self._on_experiment_named,
            RUN: self._on_run,
            LOGGED_MODEL: self._on_logged_model,
            TRACE: self._on_trace,
            TRACE_IF_ANY: self._on_trace_if_any,
            TRACES_OF: self._on_traces_of,
            REGISTERED_MODEL: self._on_model,
            MODEL_VERSION: self._on_version,
            SCORER: self._on_scorer,
            ISSUE: partial(self._on_part, ISSUE),
            LABEL_SCHEMA: partial(self._on_part, LABEL_SCHEMA),
            REVIEW_QUEUE: partial(self._on_part, REVIEW_QUEUE),
            EVALUATION_DATASET: self._on_evaluation_dataset,
            ARTIFACT: self._on_artifact,
            ARTIFACT_LOCATION: self._at_location,
            SOURCE: self._on_source,
            GRANTED: self._on_granted,
            HISTORY: self._on_history,
        }

    def asking(self, principal: Principal, rule: Rule) -> Asking:
        """Who asks in a request whose route has `rule`, and is no administrator."""
        return _Asking(self, principal, rule)

    async def require(self, principal: Principal, part: On, key: str) -> None:
        """Raises PermissionDenied."""
        if not await self._judges[part.type](principal, key, part.level):
            raise PermissionDenied(DENIED)
        if part.unless_denied and await self._is_denied(principal, part.unless_denied):
            raise PermissionDenied(DENIED)

    async def require_creation(self, principal: Principal, part: Creates) -> None:
        """Raises PermissionDenied."""
        if await self._is_denied(principal, part.type):
            raise PermissionDenied(DENIED)
        if principal.user_id is None:
            raise PermissionDenied(NO_ACCOUNT.format(name=principal.user))

    async def sight_of(self, principal: Principal, wanted: Level = Level.READ) -> Sight:
        """What searches of somebody may find, for holding so much on it."""
        roles = await self._grants.roles_of(principal)
        if await self._grants.manages_everything(roles):
            return Sight(_OF_NO_EXPERIMENT, (), {})
        scopes: dict[str, Scope] = {}
        for resource_type in (EXPERIMENT, REGISTERED_MODEL, PROMPT):
            level = combined(await self._grants.levels_on_all(roles, resource_type), self._default)
            if level is Level.DENY:
                scopes[resource_type] = Scope.NOTHING
            else:
                scopes[resource_type] = Scope.ALL_BUT_DENIED if level >= wanted else Scope.GRANTED
        for tier in (RUN, LOGGED_MODEL, TRACE, MODEL_VERSION, PROMPT_VERSION, SCORER):
            levels = await self._grants.levels_on_all(roles, tier)
            if Level.DENY in levels:
                scopes[tier] = Scope.NOTHING
            elif combined(levels) >= wanted:
                scopes[tier] = Scope.ALL  # in whatever may be read, so that it is not seen like what it lies in
        user_id = _OF_NO_EXPERIMENT if principal.user_id is None else principal.user_id
        return Sight(user_id, roles, scopes, wanted)

    # --- each type of what a rule names -------------------------------------------------------------------------------

    async def _on_experiment(self, principal: Principal, key: str, wanted: Level) -> bool:
        experiment_id = experiment_id_of(key)
        held = await self._held(principal, (EXPERIMENT,), EXPERIMENT, str(experiment_id))
        if held >= wanted or held is Level.DENY:
            return held >= wanted
        return await self._grants.owns_experiment(principal, experiment_id)

    async def _on_experiment_named(self, principal: Principal, name: str, wanted: Level) -> bool:
        experiment_id = await self._resources.experiment_named(name)
        return experiment_id is None or await self._on_experiment(principal, str(experiment_id), wanted)

    async def _on_run(self, principal: Principal, run_id: str, wanted: Level) -> bool:
        return await self._in_experiment(principal, RUN, await self._resources.experiment_of(RUN, run_id), wanted)

    async def _on_logged_model(self, principal: Principal, model_id: str, wanted: Level) -> bool:
        experiment_id = await self._resources.experiment_of(LOGGED_MODEL, model_id)
        return await self._in_experiment(principal, LOGGED_MODEL, experiment_id, wanted)

    async def _on_trace(self, principal: Principal, trace_id: str, wanted: Level) -> bool:
        return await self._in_experiment(principal, TRACE, await self._resources.experiment_of(TRACE, trace_id), wanted)

    async def _on_trace_if_any(self, principal: Principal, trace_id: str, wanted: Level) -> bool:
        """Nothing waits for the read model here: each new trace would have to."""
        experiment_id = await self._resources.experiment_of_trace_now(trace_id)
        return experiment_id is None or await self._in_experiment(principal, TRACE, experiment_id, wanted)

    async def _on_traces_of(self, principal: Principal, key: str, wanted: Level) -> bool:
        return await self._in_experiment(principal, TRACE, experiment_id_of(key), wanted)

    async def _in_experiment(self, principal: Principal, tier: str, experiment_id: int | None, wanted: Level) -> bool:
        if experiment_id is None:
            experiment_id = _OF_NO_EXPERIMENT  # judged as what nothing is granted on: who may not know is told no more
        levels = await self._levels_on_all(principal, tier)
        if not levels:
            return await self._on_experiment(principal, str(experiment_id), wanted)
        return self._suffice(levels, wanted) and await self._on_experiment(principal, str(experiment_id), Level.READ)

    async def _on_model(self, principal: Principal, name: str, wanted: Level) -> bool:
        return await self._on_known_model(principal, await self._resources.model_named(name), wanted)

    async def _on_version(self, principal: Principal, name: str, wanted: Level) -> bool:
        model = await self._resources.model_named(name)
        tier = PROMPT_VERSION if model is not None and model.is_prompt else MODEL_VERSION
        levels = await self._levels_on_all(principal, tier)
        if not levels:
            return await self._on_known_model(principal, model, wanted)
        return self._suffice(levels, wanted) and await self._on_known_model(principal, model, Level.READ)

    async def _on_known_model(self, principal: Principal, model: NamedModel | None, wanted: Level) -> bool:
        if model is None:  # clients ask whether there is one before they make it
            held = await self._held(principal, (), REGISTERED_MODEL, "")
            return held is not Level.DENY and max(held, Level.READ) >= wanted
        held = await self._held(principal, (REGISTERED_MODEL, PROMPT), model.type, model.id)
        if held >= wanted or held is Level.DENY:
            return held >= wanted
        return await self._grants.owns_model(principal, model.id)

    async def _on_scorer(self, principal: Principal, reference: str, wanted: Level) -> bool:
        """By grants on it and on all scorers, which also have to give reading its experiment; without any as that."""
        roles = await self._grants.roles_of(principal)
        if await self._grants.manages_everything(roles):
            return True
        levels = (
            *await self._grants.levels_on_all(roles, SCORER),
            *await self._grants.levels_on(roles, SCORER, reference),
        )
        experiment_id = reference.partition("/")[0]
        if not levels:
            return await self._on_experiment(principal, experiment_id, wanted)
        return self._suffice(levels, wanted) and await self._on_experiment(principal, experiment_id, Level.READ)

    async def _on_part(self, part: str, principal: Principal, key: str, wanted: Level) -> bool:
        """On what lies in an experiment, and is judged as that unless something was granted on all of its kind."""
        return await self._in_experiment(principal, part, await self._resources.experiment_of(part, key), wanted)

    async def _on_evaluation_dataset(self, principal: Principal, dataset_id: str, wanted: Level) -> bool:
        """As all experiments that it is for. One that is for none, or not there, is as what nothing is granted on."""
        experiment_ids = await self._resources.experiments_of_dataset(dataset_id) or [_OF_NO_EXPERIMENT]
        for experiment_id in experiment_ids:
            if not await self._on_experiment(principal, str(experiment_id), wanted):
                return False
        return True

    async def _on_artifact(self, principal: Principal, path: str, wanted: Level) -> bool:
        parts = await self._resources.owners_of_path(path)
        if wanted is Level.MANAGE:  # what lies below is removed too
            parts += [Belonging(one, "") for one in await self._resources.owners_below_path(path)]
        return await self._on_parts(principal, parts, wanted)

    async def _on_parts(self, principal: Principal, parts: list[Belonging], wanted: Level) -> bool:
        """On everything that an artifact belongs to; what belongs to nothing is for the default level."""
        if not parts:
            return self._default >= wanted or await self._manages_everything(principal)
        for experiment_id, tier in parts:
            if tier:
                is_allowed = await self._in_experiment(principal, tier, experiment_id, wanted)
            elif wanted is Level.MANAGE:  # what is removed with a folder may be of every type
                is_allowed = await self._in_all_tiers(principal, experiment_id, wanted)
            else:
                is_allowed = await self._on_experiment(principal, str(experiment_id), wanted)
            if not is_allowed:
                return False
        return True

    async def _in_all_tiers(self, principal: Principal, experiment_id: int, wanted: Level) -> bool:
        for tier in (RUN, LOGGED_MODEL, TRACE):
            if not await self._in_experiment(principal, tier, experiment_id, wanted):
                return False
        return await self._on_experiment(principal, str(experiment_id), wanted)

    async def _at_location(self, principal: Principal, uri: str, wanted: Level) -> bool:
        """Whether somebody may have the artifacts of a new experiment at a place that they chose.

        Whoever has an experiment has what is at its location, so nobody may choose one that is another's, or that would
        become another's.
        """
        if await self._manages_everything(principal):
            return True
        path = proxied_path(uri)
        if path is None:
            if urlsplit(uri).scheme in ("", "file") or self._resources.is_served(uri):
                raise BadRequest(
                    "Only administrators may choose an artifact location on the server's machine or in its own store;"
                    " choose one below mlflow-artifacts:/ or in another store."
                )
        elif not _is_plain(uri, path):
            raise BadRequest(
                "The artifact location of who is no administrator is mlflow-artifacts:/ and a path, whose first part"
                " is no number: those are of other experiments."
            )
        if not await self._on_parts_of_others(principal, await self._resources.owners_of_uri(uri), wanted):
            return False
        below = await self._resources.owners_below(uri)
        return await self._on_parts_of_others(principal, [Belonging(one, "") for one in below], wanted)

    async def _on_parts_of_others(self, principal: Principal, parts: list[Belonging], wanted: Level) -> bool:
        return not parts or await self._on_parts(principal, parts, wanted)

    async def _on_source(self, principal: Principal, uri: str, wanted: Level) -> bool:
        """Whether somebody may make a version of a model of what is at a URI: readers of the model can get it then."""
        scheme, _, rest = uri.partition(":")
        if scheme == "models":
            return await self._on_model_uri(principal, rest, wanted)
        if scheme == "runs":
            return await self._on_run(principal, rest.lstrip("/").partition("/")[0], wanted)
        parts = await self._resources.owners_of_uri(uri)
        if parts or proxied_path(uri) is not None or self._resources.is_served(uri):
            return await self._on_parts(principal, parts, wanted)
        return True

    async def _on_model_uri(self, principal: Principal, rest: str, wanted: Level) -> bool:
        """Of `models:/<logged model>`, `models:/<name>/<version>` or `models:/<name>@<alias>`."""
        name = rest.lstrip("/").partition("/")[0].partition("@")[0]
        if name.startswith("m-") and "/" not in rest.lstrip("/") and "@" not in rest:
            return await self._on_logged_model(principal, name, wanted)
        return await self._on_version(principal, name, wanted)

    async def _on_granted(self, principal: Principal, key: str, wanted: Level) -> bool:
        """On what a grant is about, `<type>:<id>`: who grants on all of a type has to manage everything."""
        resource_type, _, resource_id = key.partition(":")
        if resource_type == EXPERIMENT and resource_id.isdecimal():
            return await self._on_experiment(principal, resource_id, wanted)
        if resource_type in (REGISTERED_MODEL, PROMPT) and resource_id != "*":
            return await self._on_model(principal, resource_id, wanted)
        return await self._manages_everything(principal)

    async def _on_history(self, principal: Principal, key: str, wanted: Level) -> bool:
        """On the history of `<type>:<key>`, of everything, or of what of it may be read.

        What is granted to all by default does not count.
        """
        levels = combined(await self._levels_on_all(principal, HISTORY))
        if levels is Level.DENY:
            return False
        if key == SEEN_HISTORY or levels >= wanted or await self._manages_everything(principal):
            return True
        resource_type, _, of = key.partition(":")
        match resource_type:
            case "experiment":  # its history holds that of what lies in it
                return await self._in_all_tiers(principal, experiment_id_of(of), Level.MANAGE)
            case "registered_model":
                manages = await self._on_model(principal, of, Level.MANAGE)
                return manages and await self._on_version(principal, of, Level.MANAGE)
            case "run" | "logged_model" | "artifact":
                return await self._judges[resource_type](principal, of, Level.MANAGE)
            case _:
                return False

    # --- levels -------------------------------------------------------------------------------------------------------

    async def _held(self, principal: Principal, types: tuple[str, ...], resource_type: str, key: str) -> Level:
        """What somebody holds on what has an id, by grants of `types` on it and by grants on all of a type."""
        roles = await self._grants.roles_of(principal)
        if await self._grants.manages_everything(roles):
            return Level.MANAGE
        levels = list(await self._grants.levels_on_all(roles, resource_type))
        for each in types:
            levels += await self._grants.levels_on(roles, each, key)
        return combined(levels, self._default)

    def _suffice(self, levels: tuple[Level, ...], wanted: Level) -> bool:
        return combined(levels, self._default) >= wanted

    async def _levels_on_all(self, principal: Principal, resource_type: str) -> tuple[Level, ...]:
        roles = await self._grants.roles_of(principal)
        if await self._grants.manages_everything(roles):
            return ()
        return await self._grants.levels_on_all(roles, resource_type)

    async def _is_denied(self, principal: Principal, resource_type: str) -> bool:
        return Level.DENY in await self._levels_on_all(principal, resource_type)

    async def _manages_everything(self, principal: Principal) -> bool:
        return await self._grants.manages_everything(await self._grants.roles_of(principal))


class _Asking(Asking):
    def __init__(self, authorizer: Authorizer, principal: Principal, rule: Rule) -> None:
        self._authorizer = authorizer
        self._principal = principal
        self._rule = rule

    async def allow(self, message: Message) -> None:
        if any(isinstance(part, On) and part.of is None for part in self._rule):
            return  # the handler says what the request is about
        await self.allow_by(self._rule, message)

    async def allow_keys(self, *keys: str) -> None:
        self.is_decided = True
        for part in self._rule:
            assert isinstance(part, On), "only such a rule leaves it to the handler"
            for key in keys:
                await self._authorizer.require(self._principal, part, key)

    async def allow_by(self, rule: Rule, message: Message) -> None:
        self.is_decided = True
        for part in rule:
            if isinstance(part, Creates):
                await self._authorizer.require_creation(self._principal, part)
                continue
            keys = list(part.keys(message))
            if not keys and not part.optional:
                raise InvalidParameterValue("The request does not say what it is about.")
            for key in keys:
                await self._authorizer.require(self._principal, part, key)

    async def sight(self, level: Level = Level.READ) -> Sight:
        self.is_decided = True
        return await self._authorizer.sight_of(self._principal, level)


def _is_plain(uri: str, path: str) -> bool:
    """Whether a URI is written in the one form in which it can be compared with others, and is no experiment's own."""
    segments = path.removeprefix("/").split("/")
    is_written_plainly = uri == f"mlflow-artifacts:{path}" and path.startswith("/") and "%" not in uri
    has_plain_parts = all(segment not in ("", ".", "..") and segment.isprintable() for segment in segments)
    return is_written_plainly and has_plain_parts and not segments[0].isdigit()
