"""The rest of MLflow's surface, until a service is built for it: writes answer 501, reads that there is nothing.

Authentication's routes are not here: without authentication they do not exist, and clients expect 404 of them.
Source: the routes a default MLflow 3.17 server registers, and those that 3.18 added.
"""

from typing import Final

from aiohttp import web

from schemas.errors import NotImplementedYet
from schemas.rest.route import NO_PREFIX, V2, V2_AJAX_ONLY, V3, V3_AJAX_ONLY, Kind, Limits, Permission, Route
from tracklog.web.unbuilt_reads import unbuilt_read_routes

PREFIXES: Final = {"root": NO_PREFIX, "2": V2, "2-ajax": V2_AJAX_ONLY, "3": V3, "3-ajax": V3_AJAX_ONLY}

UNBUILT_LIMITS: Final = Limits(body_bytes=None, timeout_s=30.0)
# The body is never read, so it may be of any size.

WRITES: Final = """
# method, prefixes, path

# Server and UI
POST   3-ajax /mlflow/ui-telemetry

# Runs
POST   2-ajax /mlflow/runs/create-promptlab-run


# Scorers
POST   3-ajax /mlflow/scorer/invoke

# Issues
POST   3-ajax /mlflow/issues/invoke

# Prompt optimization
POST   3      /mlflow/prompt-optimization/jobs
POST   3      /mlflow/prompt-optimization/jobs/{job_id}/cancel
DELETE 3      /mlflow/prompt-optimization/jobs/{job_id}

# AI gateway administration
POST   3      /mlflow/gateway/secrets/create
POST   3      /mlflow/gateway/secrets/update
DELETE 3      /mlflow/gateway/secrets/delete
POST   3      /mlflow/gateway/endpoints/create
POST   3      /mlflow/gateway/endpoints/update
DELETE 3      /mlflow/gateway/endpoints/delete
POST   3      /mlflow/gateway/model-definitions/create
POST   3      /mlflow/gateway/model-definitions/update
DELETE 3      /mlflow/gateway/model-definitions/delete
POST   3      /mlflow/gateway/endpoints/models/attach
POST   3      /mlflow/gateway/endpoints/models/detach
POST   3      /mlflow/gateway/endpoints/bindings/create
DELETE 3      /mlflow/gateway/endpoints/bindings/delete
POST   3      /mlflow/gateway/endpoints/set-tag
DELETE 3      /mlflow/gateway/endpoints/delete-tag
POST   3      /mlflow/gateway/budgets/create
POST   3      /mlflow/gateway/budgets/update
DELETE 3      /mlflow/gateway/budgets/delete
POST   3      /mlflow/gateway/guardrails/create
DELETE 3      /mlflow/gateway/guardrails/delete
POST   3      /mlflow/gateway/guardrails/add-to-endpoint
DELETE 3      /mlflow/gateway/guardrails/remove-from-endpoint
PATCH  3      /mlflow/gateway/guardrails/update-config
POST   2-ajax /mlflow/gateway-proxy

# AI gateway invocation
POST   root   /gateway/{endpoint_name}/mlflow/invocations
POST   root   /gateway/mlflow/v1/chat/completions
POST   root   /gateway/openai/v1/chat/completions
POST   root   /gateway/openai/v1/embeddings
POST   root   /gateway/typesafe/v1/systemone
POST   root   /gateway/openai/v1/responses
POST   root   /gateway/openai/v1/responses/compact
POST   root   /gateway/anthropic/v1/messages
POST   root   /gateway/gemini/v1beta/models/{endpoint_name}:generateContent
POST   root   /gateway/gemini/v1beta/models/{endpoint_name}:streamGenerateContent
POST   root   /gateway/proxy/{endpoint_name}/{path:.+}

# Jobs and demo
POST   3-ajax /mlflow/genai/evaluate/invoke
PATCH  3-ajax /mlflow/jobs/cancel/{job_id}
POST   3-ajax /mlflow/demo/generate
POST   3-ajax /mlflow/demo/delete
POST   3-ajax /jobs/
PATCH  3-ajax /jobs/cancel/{job_id}

# Workspaces
POST   3      /mlflow/workspaces
PATCH  3      /mlflow/workspaces/{workspace_name}
DELETE 3      /mlflow/workspaces/{workspace_name}

# MCP server registry
POST   3      /mlflow/mcp-servers
POST   3      /mlflow/mcp-servers/{name:.+}/versions/{version:.+}/tags
DELETE 3      /mlflow/mcp-servers/{name:.+}/versions/{version:.+}/tags/{key:.+}
PATCH  3      /mlflow/mcp-servers/{name:.+}/versions/{version:.+}
DELETE 3      /mlflow/mcp-servers/{name:.+}/versions/{version:.+}
POST   3      /mlflow/mcp-servers/{name:.+}/versions
POST   3      /mlflow/mcp-servers/{name:.+}/endpoints
PATCH  3      /mlflow/mcp-servers/{name:.+}/endpoints/{endpoint_id}
DELETE 3      /mlflow/mcp-servers/{name:.+}/endpoints/{endpoint_id}
POST   3      /mlflow/mcp-servers/{name:.+}/tags
DELETE 3      /mlflow/mcp-servers/{name:.+}/tags/{key:.+}
POST   3      /mlflow/mcp-servers/{name:.+}/aliases
DELETE 3      /mlflow/mcp-servers/{name:.+}/aliases/{alias:.+}
PATCH  3      /mlflow/mcp-servers/{name:.+}
DELETE 3      /mlflow/mcp-servers/{name:.+}

# Skill registry
POST   3      /mlflow/skills
POST   3      /mlflow/skills/bulk-register
PATCH  3      /mlflow/skills/@{organization}/{name}
DELETE 3      /mlflow/skills/@{organization}/{name}
POST   3      /mlflow/skills/@{organization}/{name}/versions
PATCH  3      /mlflow/skills/@{organization}/{name}/versions/{version}
DELETE 3      /mlflow/skills/@{organization}/{name}/versions/{version}
POST   3      /mlflow/skills/@{organization}/{name}/versions/{version}/tags
DELETE 3      /mlflow/skills/@{organization}/{name}/versions/{version}/tags/{key:.+}
POST   3      /mlflow/skills/@{organization}/{name}/tags
DELETE 3      /mlflow/skills/@{organization}/{name}/tags/{key:.+}
POST   3      /mlflow/skills/@{organization}/{name}/aliases
DELETE 3      /mlflow/skills/@{organization}/{name}/aliases/{alias}
PATCH  3      /mlflow/skills/{name}
DELETE 3      /mlflow/skills/{name}
POST   3      /mlflow/skills/{name}/versions
PATCH  3      /mlflow/skills/{name}/versions/{version}
DELETE 3      /mlflow/skills/{name}/versions/{version}
POST   3      /mlflow/skills/{name}/versions/{version}/tags
DELETE 3      /mlflow/skills/{name}/versions/{version}/tags/{key:.+}
POST   3      /mlflow/skills/{name}/tags
DELETE 3      /mlflow/skills/{name}/tags/{key:.+}
POST   3      /mlflow/skills/{name}/aliases
DELETE 3      /mlflow/skills/{name}/aliases/{alias}

# Assistant
POST   3-ajax /mlflow/assistant/message
PATCH  3-ajax /mlflow/assistant/sessions/{session_id}
POST   3-ajax /mlflow/assistant/sessions/{session_id}/permission
POST   3-ajax /mlflow/assistant/sessions/{session_id}/tool-result
PUT    3-ajax /mlflow/assistant/config
POST   3-ajax /mlflow/assistant/skills/install"""


def unbuilt_routes() -> list[Route]:
    """Every route of MLflow's that nothing is behind."""
    lines = (line.split() for line in WRITES.splitlines() if line and not line.startswith("#"))
    writes = [unbuilt_write(method, PREFIXES[prefixes], path) for method, prefixes, path in lines]
    return [*writes, *unbuilt_read_routes()]


def unbuilt_write(method: str, prefixes: tuple[str, ...], path: str) -> Route:
    """A route that says that it is not built."""
    return Route(
        method=method,
        path=path,
        prefixes=prefixes,
        handler=answer_not_implemented,
        kind=Kind.WRITE,
        permission=Permission.AUTHENTICATED,
        limits=UNBUILT_LIMITS,
    )


async def answer_not_implemented(request: web.Request) -> web.StreamResponse:
    """Raises NotImplementedYet."""
    raise NotImplementedYet(f"{request.method} {request.path} is not implemented in Tracklog yet.")
