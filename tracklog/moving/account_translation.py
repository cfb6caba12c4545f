"""Accounts and rights of an MLflow server as events; hashes of passwords go into the store of secrets alone."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from schemas.errors import InvalidParameterValue
from schemas.events import (
    AnyEvent,
    RoleAssigned,
    RoleCreated,
    RoleGranted,
    UserCreated,
    UserGranted,
)
from schemas.levels import ANY_ID, EXPERIMENT, PROMPT, REGISTERED_MODEL, check_level, check_resource, level_named
from schemas.messages.users import check_username
from schemas.werkzeug_hashes import is_of, is_werkzeug_hash
from tracklog.moving.auth_database import DEFAULT_WORKSPACE
from tracklog.moving.experiment_translation import ExperimentTranslation
from tracklog.moving.facts import Facts, Made, uuid_of
from tracklog.moving.records import AccountRecord, GrantRecord, RoleRecord
from tracklog.moving.registry_translation import RegistryTranslation

KeepSecret = Callable[[str, bytes], bool]
"""Keeps bytes under an id, and returns when they are durable; False where there is no store of secrets."""

DEFAULT_PASSWORDS: Final = ("password1234", "password")
"""What MLflow's first administrator has until somebody changes it."""


class AccountTranslation:
    """`now_ms` is the time of what is made: MLflow keeps none of accounts and rights."""

    def __init__(
        self,
        facts: Facts,
        experiments: ExperimentTranslation,
        registry: RegistryTranslation,
        keep_secret: KeepSecret,
        now_ms: int,
    ) -> None:
        self._facts = facts
        self._experiments = experiments
        self._registry = registry
        self._keep_secret = keep_secret
        self._now_ms = now_ms
        self._accounts: set[str] = set()

    def account(self, record: AccountRecord) -> Iterator[Made]:
        """What an account comes to, with what was granted to it alone."""
        username, where = record.username, record.where
        about = f"user\0{username}"
        was_imported = self._facts.is_there(f"{about}\0created")
        if (reason := self._refused(username, was_imported=was_imported)) is not None:
            self._facts.lost("users", where, f"left: {reason}", 1)
            self._facts.lost("grants", where, "left: of an account that is", len(record.grants))
            return
        password_id = uuid_of(f"{about}\0password")
        why_none = self._why_no_password(record)
        if why_none is None and not was_imported and not self._keep_secret(password_id, record.password_hash.encode()):
            why_none = "no store of secrets was named (--backend-store-uri)"
        if why_none is not None:
            self._facts.report.odd("users", where, f"{username!r:.100} has to be given a password: {why_none}")
            password_id = ""
        created = UserCreated(username=username, password_id=password_id, is_admin=record.is_admin)
        yield from self._facts.event(f"{about}\0created", created, self._now_ms, {"users": 1}, where)
        self._accounts.add(username)

        def granted(resource_type: str, pattern: str, level: str) -> AnyEvent:
            return UserGranted(username=username, resource_type=resource_type, resource_pattern=pattern, level=level)

        yield from self._grants(about, record.grants, granted, where, DEFAULT_WORKSPACE)

    def role(self, record: RoleRecord) -> Iterator[Made]:
        """What a role comes to. Names of roles are unique, and those of another workspace get its name."""
        about = f"role\0{record.workspace}\0{record.name}"
        where = record.where
        is_default = record.workspace == DEFAULT_WORKSPACE
        name = record.name if is_default else f"{record.name} ({record.workspace})"
        if name in self._facts.target.role_names.values() and not self._facts.is_there(f"{about}\0created"):
            self._facts.lost("roles", where, f"left: a role {name!r:.100} is there already", 1)
            self._facts.lost("grants", where, "left: of a role that is", len(record.grants))
            return
        if name != record.name:
            self._facts.report.renamed.append(("role", f"{record.name!r} ({where})", repr(name)))
        role_key = uuid_of(about)
        created = RoleCreated(role_key=role_key, name=name, description=record.description)
        yield from self._facts.event(f"{about}\0created", created, self._now_ms, {"roles": 1}, where)

        def granted(resource_type: str, pattern: str, level: str) -> AnyEvent:
            return RoleGranted(role_key=role_key, resource_type=resource_type, resource_pattern=pattern, level=level)

        yield from self._grants(about, record.grants, granted, where, record.workspace)
        for username in record.usernames:
            if username not in self._accounts:
                self._facts.report.odd("roles", where, f"{username!r:.100} does not hold it: the account was left")
                continue
            assigned = RoleAssigned(role_key=role_key, username=username)
            yield from self._facts.event(f"{about}\0of\0{username}", assigned, self._now_ms)

    def _refused(self, username: str, *, was_imported: bool) -> str | None:
        """Why an account stays behind; None where it does not."""
        try:
            check_username(username)
        except InvalidParameterValue as error:
            return error.message
        is_there = username in self._facts.target.users
        if is_there and not was_imported:
            return f"an account {username!r} was there before that nobody imported"
        return "it was deleted since it was imported" if was_imported and not is_there else None

    def _why_no_password(self, record: AccountRecord) -> str | None:
        kept = record.password_hash
        if not is_werkzeug_hash(kept):
            return "the hash of its password is none that is known here"
        if record.is_admin and any(is_of(kept, default) for default in DEFAULT_PASSWORDS):
            return "it has the one that every new MLflow has"
        return None

    def _grants(
        self,
        about: str,
        grants: Sequence[GrantRecord],
        granted: Callable[[str, str, str], AnyEvent],
        where: str,
        workspace: str,
    ) -> Iterator[Made]:
        for grant in grants:
            try:
                resource_type, pattern, level = self._resolved(grant, workspace)
            except InvalidParameterValue as error:
                shown = f"{grant.level} on {grant.resource_type} {grant.resource_pattern!r:.100}"
                self._facts.lost("grants", where, f"left: {shown}: {error.message}", 1)
                continue
            event = granted(resource_type, pattern, level)
            what = f"{about}\0granted\0{grant.resource_type}\0{grant.resource_pattern}"
            yield from self._facts.event(what, event, self._now_ms, {"grants": 1}, where)

    def _resolved(self, grant: GrantRecord, workspace: str) -> tuple[str, str, str]:
        """Type, id and level as they are here. Raises InvalidParameterValue for what cannot be granted here."""
        resource_type, pattern = grant.resource_type, grant.resource_pattern
        if pattern == ANY_ID and workspace != DEFAULT_WORKSPACE:
            raise InvalidParameterValue("it was on all of one workspace, and would be on everything here.")
        if pattern != ANY_ID:
            resource_type, pattern = self._resource(resource_type, pattern)
        # Of experiments a grant of nothing took away what everybody had; here a DENY does.
        level = level_named("DENY" if grant.level == "NO_PERMISSIONS" else grant.level)
        check_resource(resource_type, pattern)
        check_level(resource_type, level)
        return resource_type, pattern, level.name

    def _resource(self, resource_type: str, pattern: str) -> tuple[str, str]:
        if resource_type == EXPERIMENT:
            if not self._experiments.knows(pattern):
                raise InvalidParameterValue("there is no such experiment in the store.")
            return resource_type, str(self._experiments.id_of(pattern))
        if resource_type in (REGISTERED_MODEL, PROMPT):
            found = self._registry.made.get(pattern)
            if found is None:
                raise InvalidParameterValue("there is no such registered model in the store.")
            return PROMPT if found.is_prompt else REGISTERED_MODEL, found.registered_model_id
        raise InvalidParameterValue("what it is on is not imported.")
