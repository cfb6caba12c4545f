"""What reads of MLflow's surface answer that nothing is behind yet: what an MLflow answers in which nothing was stored.

A search finds nothing, in its own shape; a get by id or name finds nothing, in MLflow's words; so the page says "no
data" and clients go on. Each row says all there is about its route.
Source: the answers of empty MLflow 3.17.2 and 3.18.0 servers; the routes of skills and of issue schedules are 3.18's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from string import Formatter
from typing import Any, Final

import msgspec
from aiohttp import web

from schemas.errors import InvalidParameterValue, ResourceDoesNotExist
from schemas.messages.message import Message
from schemas.rest.decode import read_message
from schemas.rest.json_answer import JsonAnswer
from schemas.rest.route import (
    NO_PREFIX,
    READ_LIMITS,
    V2_AJAX_ONLY,
    V3,
    V3_AJAX_ONLY,
    Handler,
    Kind,
    Permission,
    Route,
)

Fields = dict[str, Any]
"""What a request says, None where it says nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`of` makes the body of an answer from a request's fields, or raises; without those in `required` it is refused.

    Variables of the path are fields that are always there.
    """

    of: Callable[[Fields], bytes]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnbuiltRead:
    """One route, in the terms of `Route`."""

    method: str
    prefixes: tuple[str, ...]
    path: str
    answer: Answer
    kind: Kind = Kind.READ


def found(body: str, *required: str) -> Answer:
    """200 with this JSON."""
    return Answer(lambda _fields: body.encode(), required)


def gone(words: str, *required: str) -> Answer:
    """404 RESOURCE_DOES_NOT_EXIST in these words; the fields that they name in braces are required."""
    named = tuple(name for _, name, _, _ in Formatter().parse(words) if name)

    def raise_it(fields: Fields) -> bytes:
        raise ResourceDoesNotExist(words.format_map(fields))

    return Answer(raise_it, (*required, *named))


def _gateway_endpoint(fields: Fields) -> bytes:
    given = [name for name in ("endpoint_id", "name") if fields[name] is not None]
    if len(given) != 1:
        raise InvalidParameterValue("Exactly one of endpoint_id or name must be provided")
    raise ResourceDoesNotExist(f"GatewayEndpoint not found ({given[0]}='{fields[given[0]]}')")


NOTHING: Final = found("{}")
FIRST_PAGE: Final = '{"next_page_token":""}'

_JOB: Final = gone("Job with ID {job_id} not found")
_OPTIMIZATIONS: Final = found("{}", "experiment_id")
_PROVIDER: Final = gone("Provider '{provider}' not found")
_MCP_ENDPOINTS: Final = found('{"mcp_access_endpoints":[],"next_page_token":null}')
_SKILL_VERSIONS: Final = found('{"skill_versions":[],"next_page_token":null}')
_SKILL_VERSION: Final = gone("Skill version '{name}' version '{version}' not found")
_SKILL_ALIAS: Final = gone("Alias '{alias}' not found for skill '{name}'")

READS: Final = (
    # Server and page
    UnbuiltRead(
        "GET",
        V3_AJAX_ONLY,
        "/mlflow/ui-telemetry",
        found('{"disable_ui_events":[],"disable_ui_telemetry":true,"ui_rollout_percentage":0}'),
    ),
    # Issues
    UnbuiltRead("POST", V3_AJAX_ONLY, "/mlflow/issues/schedule/state", found('{"next_fire_time_ms":null}')),
    # Prompt optimization
    UnbuiltRead("POST", V3, "/mlflow/prompt-optimization/jobs/search", _OPTIMIZATIONS),
    UnbuiltRead("GET", V3, "/mlflow/prompt-optimization/jobs/search", _OPTIMIZATIONS),
    UnbuiltRead("GET", V3, "/mlflow/prompt-optimization/jobs/{job_id}", _JOB),
    # AI gateway
    UnbuiltRead("GET", V3, "/mlflow/gateway/secrets/get", gone("GatewaySecret not found (secret_id='{secret_id}')")),
    UnbuiltRead("GET", V3, "/mlflow/gateway/secrets/list", NOTHING),
    UnbuiltRead(
        "GET", V3, "/mlflow/gateway/endpoints/get", Answer(_gateway_endpoint, optional=("endpoint_id", "name"))
    ),
    UnbuiltRead("GET", V3, "/mlflow/gateway/endpoints/list", NOTHING),
    UnbuiltRead("GET", V3, "/mlflow/gateway/endpoints/bindings/list", NOTHING),
    UnbuiltRead(
        "GET",
        V3,
        "/mlflow/gateway/model-definitions/get",
        gone("GatewayModelDefinition not found (model_definition_id='{model_definition_id}')"),
    ),
    UnbuiltRead("GET", V3, "/mlflow/gateway/model-definitions/list", NOTHING),
    UnbuiltRead(
        "GET",
        V3,
        "/mlflow/gateway/budgets/get",
        gone("BudgetPolicy not found (budget_policy_id='{budget_policy_id}')"),
    ),
    UnbuiltRead("GET", V3, "/mlflow/gateway/budgets/list", NOTHING),
    UnbuiltRead("GET", V3, "/mlflow/gateway/budgets/windows", NOTHING),
    UnbuiltRead(
        "GET", V3, "/mlflow/gateway/guardrails/get", gone("Guardrail not found (guardrail_id='{guardrail_id}')")
    ),
    UnbuiltRead("GET", V3, "/mlflow/gateway/guardrails/list", NOTHING),
    UnbuiltRead(
        "GET",
        V3,
        "/mlflow/gateway/guardrails/list-for-endpoint",
        gone("Endpoint not found (endpoint_id='{endpoint_id}')"),
    ),
    UnbuiltRead("GET", V3_AJAX_ONLY, "/mlflow/gateway/supported-providers", found('{"providers":[]}')),
    UnbuiltRead("GET", V3_AJAX_ONLY, "/mlflow/gateway/supported-models", found('{"models":[]}')),
    UnbuiltRead(
        "GET",
        V3_AJAX_ONLY,
        "/mlflow/gateway/provider-config",
        found('{"auth_modes":[],"default_mode":""}', "provider"),
    ),
    UnbuiltRead(
        "GET",
        V3_AJAX_ONLY,
        "/mlflow/gateway/secrets/config",
        found('{"secrets_available":false,"using_default_passphrase":false}'),
    ),
    UnbuiltRead("GET", V2_AJAX_ONLY, "/mlflow/gateway-proxy", found('{"endpoints":[]}')),
    UnbuiltRead("GET", NO_PREFIX, "/gateway/mlflow/v1/models", found('{"object":"list","data":[]}')),
    # Jobs
    UnbuiltRead("GET", V3_AJAX_ONLY, "/mlflow/jobs/{job_id}", _JOB),
    UnbuiltRead("GET", V3_AJAX_ONLY, "/jobs/{job_id}", _JOB),
    UnbuiltRead("POST", V3_AJAX_ONLY, "/jobs/search", found('{"jobs":[]}')),
    # Workspaces
    UnbuiltRead("GET", V3, "/mlflow/workspaces", NOTHING),
    UnbuiltRead("GET", V3, "/mlflow/workspaces/{workspace_name}", gone("Workspace '{workspace_name}' not found")),
    # MCP server registry
    UnbuiltRead("GET", V3, "/mlflow/mcp-servers", found('{"mcp_servers":[],"next_page_token":null}')),
    UnbuiltRead("GET", V3, "/mlflow/mcp-servers/endpoints", _MCP_ENDPOINTS),
    UnbuiltRead(
        "GET",
        V3,
        "/mlflow/mcp-servers/{name:.+}/versions/{version:.+}",
        gone("MCP server version '{name}' version '{version}' not found"),
    ),
    UnbuiltRead(
        "GET",
        V3,
        "/mlflow/mcp-servers/{name:.+}/versions",
        found('{"mcp_server_versions":[],"next_page_token":null}'),
    ),
    UnbuiltRead(
        "GET",
        V3,
        "/mlflow/mcp-servers/{name:.+}/endpoints/{endpoint_id}",
        gone("MCPAccessEndpoint {endpoint_id} not found"),
    ),
    UnbuiltRead("GET", V3, "/mlflow/mcp-servers/{name:.+}/endpoints", _MCP_ENDPOINTS),
    UnbuiltRead(
        "GET",
        V3,
        "/mlflow/mcp-servers/{name:.+}/aliases/{alias:.+}",
        gone("Alias '{alias}' not found for MCP server '{name}'"),
    ),
    UnbuiltRead("GET", V3, "/mlflow/mcp-servers/{name:.+}", gone("MCP server '{name}' not found")),
    # Skill registry
    UnbuiltRead("GET", V3, "/mlflow/skills", found('{"skills":[],"next_page_token":null}')),
    UnbuiltRead(
        "GET",
        V3,
        "/mlflow/skills/@{organization}/{name}",
        gone("Skill '{name}' not found in organization '{organization}'"),
    ),
    UnbuiltRead("GET", V3, "/mlflow/skills/@{organization}/{name}/versions", _SKILL_VERSIONS),
    UnbuiltRead("GET", V3, "/mlflow/skills/@{organization}/{name}/versions/{version}", _SKILL_VERSION),
    UnbuiltRead("GET", V3, "/mlflow/skills/@{organization}/{name}/aliases/{alias}", _SKILL_ALIAS),
    UnbuiltRead("GET", V3, "/mlflow/skills/{name}", gone("Skill '{name}' not found in organization ''")),
    UnbuiltRead("GET", V3, "/mlflow/skills/{name}/versions", _SKILL_VERSIONS),
    UnbuiltRead("GET", V3, "/mlflow/skills/{name}/versions/{version}", _SKILL_VERSION),
    UnbuiltRead("GET", V3, "/mlflow/skills/{name}/aliases/{alias}", _SKILL_ALIAS),
    # Assistant
    UnbuiltRead("GET", V3_AJAX_ONLY, "/mlflow/assistant/sessions/{session_id}/stream", gone("Session not found")),
    UnbuiltRead("GET", V3_AJAX_ONLY, "/mlflow/assistant/providers", found('{"providers":[]}')),
    UnbuiltRead("GET", V3_AJAX_ONLY, "/mlflow/assistant/providers/{provider}/health", _PROVIDER),
    UnbuiltRead("GET", V3_AJAX_ONLY, "/mlflow/assistant/providers/{provider}/models", _PROVIDER),
    UnbuiltRead(
        "GET",
        V3_AJAX_ONLY,
        "/mlflow/assistant/config",
        found('{"providers":{},"projects":{},"remote_access_allowed":false}'),
    ),
)


def unbuilt_read_routes() -> list[Route]:
    """A route for every row."""
    return [
        Route(
            method=read.method,
            path=read.path,
            prefixes=read.prefixes,
            handler=_handler(read),
            kind=read.kind,
            permission=Permission.AUTHENTICATED,
            limits=READ_LIMITS,
        )
        for read in READS
    ]


def _handler(read: UnbuiltRead) -> Handler:
    message_type = _message_type(read)

    async def answer_with_nothing(request: web.Request) -> web.StreamResponse:
        message = await read_message(request, message_type)
        body = read.answer.of(msgspec.structs.asdict(message))
        return JsonAnswer(body)

    return answer_with_nothing


def _message_type(read: UnbuiltRead) -> type[Message]:
    """A message of the fields that the answer looks at, whatever they hold."""
    names = dict.fromkeys((*read.answer.required, *read.answer.optional))
    of_path = {name.partition(":")[0] for _, name, _, _ in Formatter().parse(read.path) if name}
    made: type[Any] = msgspec.defstruct(
        "WantedOfNothing",
        [(name, Any, None) for name in names],
        bases=(Message,),
        namespace={"required": tuple(name for name in read.answer.required if name not in of_path)},
        kw_only=True,
        forbid_unknown_fields=True,
    )
    return made
