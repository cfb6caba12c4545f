"""The rest of MLflow's surface: what answers 501 until a service is built for it.

Authentication's routes are not here: without authentication they do not exist, and clients expect 404 of them.
Source: the routes a default MLflow 3.17 server registers.
"""

from typing import Final

from aiohttp import web

from schemas.errors import NotImplementedYet
from schemas.rest.route import (
    NO_PREFIX,
    V2,
    V2_AJAX_ONLY,
    V3,
    V3_AJAX_ONLY,
    Kind,
    Limits,
    Permission,
    Route,
)

PREFIXES: Final = {
    "root": NO_PREFIX,
    "2": V2,
    "2-ajax": V2_AJAX_ONLY,
    "3": V3,
    "3-ajax": V3_AJAX_ONLY,
    "2+3-ajax": (*V2_AJAX_ONLY, *V3_AJAX_ONLY),
}

UNBUILT_LIMITS: Final = Limits(body_bytes=None, timeout_s=30.0)
# The body is never read, so it may be of any size.

PERMISSIONS: Final = {Kind.WRITE: Permission.EDIT, Kind.READ: Permission.READ, Kind.ARTIFACT: Permission.READ}

TABLE: Final = """
# method, prefixes, kind, path

# Server and UI
GET    root     read     /build/{path:.+}
GET    3-ajax   read     /mlflow/ui-telemetry
POST   3-ajax   write    /mlflow/ui-telemetry
GET    root     read     /graphql
GET    root     artifact /model-versions/get-artifact

# Experiments
POST   root     read     /api/2.0mlflow/experiments/search-datasets
POST   root     read     /ajax-api/2.0mlflow/experiments/search-datasets

# Runs
POST   2-ajax   write    /mlflow/runs/create-promptlab-run

# Metrics
GET    2-ajax   read     /mlflow/metrics/get-history-bulk

# Model registry
POST   2        write    /mlflow/registered-models/create
POST   2        write    /mlflow/registered-models/rename
PATCH  2        write    /mlflow/registered-models/update
DELETE 2        write    /mlflow/registered-models/delete
GET    2        read     /mlflow/registered-models/get
GET    2        read     /mlflow/registered-models/search
POST   2        read     /mlflow/registered-models/get-latest-versions
GET    2        read     /mlflow/registered-models/get-latest-versions
POST   2        write    /mlflow/model-versions/create
PATCH  2        write    /mlflow/model-versions/update
POST   2        write    /mlflow/model-versions/transition-stage
DELETE 2        write    /mlflow/model-versions/delete
GET    2        read     /mlflow/model-versions/get
GET    2        read     /mlflow/model-versions/search
GET    2        read     /mlflow/model-versions/get-download-uri
POST   2        write    /mlflow/registered-models/set-tag
POST   2        write    /mlflow/model-versions/set-tag
DELETE 2        write    /mlflow/registered-models/delete-tag
DELETE 2        write    /mlflow/model-versions/delete-tag
POST   2        write    /mlflow/registered-models/alias
DELETE 2        write    /mlflow/registered-models/alias
GET    2        read     /mlflow/registered-models/alias

# Webhooks
POST   2        write    /mlflow/webhooks
GET    2        read     /mlflow/webhooks
GET    2        read     /mlflow/webhooks/{webhook_id}
PATCH  2        write    /mlflow/webhooks/{webhook_id}
DELETE 2        write    /mlflow/webhooks/{webhook_id}
POST   2        write    /mlflow/webhooks/{webhook_id}/test

# Traces
PATCH  2        write    /mlflow/traces/{request_id}/tags
PATCH  3        write    /mlflow/traces/{trace_id}/tags
DELETE 2        write    /mlflow/traces/{request_id}/tags
DELETE 3        write    /mlflow/traces/{trace_id}/tags
POST   2        write    /mlflow/traces
PATCH  2        write    /mlflow/traces/{request_id}
GET    2        read     /mlflow/traces/{request_id}/info
GET    3        read     /mlflow/traces/{trace_id}
GET    3        read     /mlflow/traces/get
GET    3        read     /mlflow/traces/batchGet
POST   3        read     /mlflow/traces/batchGetInfos
GET    2        read     /mlflow/traces
POST   3        read     /mlflow/traces/search
POST   3        write    /mlflow/traces
POST   2        write    /mlflow/traces/link-to-run
POST   2        write    /mlflow/traces/link-prompts
GET    2        read     /mlflow/unified-traces
GET    2        read     /mlflow/get-online-trace-details
POST   2        write    /mlflow/traces/delete-traces
POST   3        write    /mlflow/traces/delete-traces
POST   3        read     /mlflow/traces/calculate-filter-correlation
POST   3        read     /mlflow/traces/metrics
GET    2+3-ajax artifact /mlflow/get-trace-artifact
POST   root     write    /v1/traces

# Assessments
GET    3        read     /mlflow/traces/{trace_id}/assessments/{assessment_id}
POST   3        write    /mlflow/traces/{trace_id}/assessments
PATCH  3        write    /mlflow/traces/{trace_id}/assessments/{assessment_id}
DELETE 3        write    /mlflow/traces/{trace_id}/assessments/{assessment_id}

# Evaluation datasets
POST   3        write    /mlflow/datasets/create
GET    3        read     /mlflow/datasets/{dataset_id}
DELETE 3        write    /mlflow/datasets/{dataset_id}
POST   3        read     /mlflow/datasets/search
GET    3        read     /mlflow/datasets/search
PATCH  3        write    /mlflow/datasets/{dataset_id}/tags
DELETE 3        write    /mlflow/datasets/{dataset_id}/tags/{key}
POST   3        write    /mlflow/datasets/{dataset_id}/records
GET    3        read     /mlflow/datasets/{dataset_id}/experiment-ids
GET    3        read     /mlflow/datasets/{dataset_id}/records
DELETE 3        write    /mlflow/datasets/{dataset_id}/records
POST   3        write    /mlflow/datasets/{dataset_id}/add-experiments
POST   3        write    /mlflow/datasets/{dataset_id}/remove-experiments

# Scorers
POST   3        write    /mlflow/scorers/register
GET    3        read     /mlflow/scorers/list
GET    3        read     /mlflow/scorers/versions
GET    3        read     /mlflow/scorers/get
DELETE 3        write    /mlflow/scorers/delete
GET    3        read     /mlflow/scorers/online-configs
PUT    3        write    /mlflow/scorers/online-config
POST   3-ajax   write    /mlflow/scorer/invoke

# Issues, label schemas, review queues
POST   3        write    /mlflow/issues
PATCH  3        write    /mlflow/issues/{issue_id}
GET    3        read     /mlflow/issues/{issue_id}
POST   3        read     /mlflow/issues/search
POST   3        write    /mlflow/label-schemas/create
GET    3        read     /mlflow/label-schemas/get
GET    3        read     /mlflow/label-schemas/get-by-name
GET    3        read     /mlflow/label-schemas/list
PATCH  3        write    /mlflow/label-schemas/update
DELETE 3        write    /mlflow/label-schemas/delete
POST   3        write    /mlflow/review-queues/create
POST   3        write    /mlflow/review-queues/get-or-create-user
GET    3        read     /mlflow/review-queues/get
GET    3        read     /mlflow/review-queues/get-by-name
GET    3        read     /mlflow/review-queues/list
POST   3        write    /mlflow/review-queues/update
POST   3        write    /mlflow/review-queues/delete
POST   3        write    /mlflow/review-queues/items/add
POST   3        write    /mlflow/review-queues/items/remove
GET    3        read     /mlflow/review-queues/items/list
POST   3        write    /mlflow/review-queues/items/set-status
POST   3-ajax   write    /mlflow/issues/invoke

# Prompt optimization
POST   3        write    /mlflow/prompt-optimization/jobs
GET    3        read     /mlflow/prompt-optimization/jobs/{job_id}
POST   3        read     /mlflow/prompt-optimization/jobs/search
GET    3        read     /mlflow/prompt-optimization/jobs/search
POST   3        write    /mlflow/prompt-optimization/jobs/{job_id}/cancel
DELETE 3        write    /mlflow/prompt-optimization/jobs/{job_id}

# AI gateway administration
POST   3        write    /mlflow/gateway/secrets/create
GET    3        read     /mlflow/gateway/secrets/get
POST   3        write    /mlflow/gateway/secrets/update
DELETE 3        write    /mlflow/gateway/secrets/delete
GET    3        read     /mlflow/gateway/secrets/list
POST   3        write    /mlflow/gateway/endpoints/create
GET    3        read     /mlflow/gateway/endpoints/get
POST   3        write    /mlflow/gateway/endpoints/update
DELETE 3        write    /mlflow/gateway/endpoints/delete
GET    3        read     /mlflow/gateway/endpoints/list
POST   3        write    /mlflow/gateway/model-definitions/create
GET    3        read     /mlflow/gateway/model-definitions/get
GET    3        read     /mlflow/gateway/model-definitions/list
POST   3        write    /mlflow/gateway/model-definitions/update
DELETE 3        write    /mlflow/gateway/model-definitions/delete
POST   3        write    /mlflow/gateway/endpoints/models/attach
POST   3        write    /mlflow/gateway/endpoints/models/detach
POST   3        write    /mlflow/gateway/endpoints/bindings/create
DELETE 3        write    /mlflow/gateway/endpoints/bindings/delete
GET    3        read     /mlflow/gateway/endpoints/bindings/list
POST   3        write    /mlflow/gateway/endpoints/set-tag
DELETE 3        write    /mlflow/gateway/endpoints/delete-tag
POST   3        write    /mlflow/gateway/budgets/create
GET    3        read     /mlflow/gateway/budgets/get
POST   3        write    /mlflow/gateway/budgets/update
DELETE 3        write    /mlflow/gateway/budgets/delete
GET    3        read     /mlflow/gateway/budgets/list
GET    3        read     /mlflow/gateway/budgets/windows
POST   3        write    /mlflow/gateway/guardrails/create
GET    3        read     /mlflow/gateway/guardrails/get
DELETE 3        write    /mlflow/gateway/guardrails/delete
GET    3        read     /mlflow/gateway/guardrails/list
POST   3        write    /mlflow/gateway/guardrails/add-to-endpoint
DELETE 3        write    /mlflow/gateway/guardrails/remove-from-endpoint
GET    3        read     /mlflow/gateway/guardrails/list-for-endpoint
PATCH  3        write    /mlflow/gateway/guardrails/update-config
GET    3-ajax   read     /mlflow/gateway/supported-providers
GET    3-ajax   read     /mlflow/gateway/supported-models
GET    3-ajax   read     /mlflow/gateway/provider-config
GET    3-ajax   read     /mlflow/gateway/secrets/config
GET    2-ajax   read     /mlflow/gateway-proxy
POST   2-ajax   write    /mlflow/gateway-proxy

# AI gateway invocation
POST   root     write    /gateway/{endpoint_name}/mlflow/invocations
POST   root     write    /gateway/mlflow/v1/chat/completions
GET    root     read     /gateway/mlflow/v1/models
POST   root     write    /gateway/openai/v1/chat/completions
POST   root     write    /gateway/openai/v1/embeddings
POST   root     write    /gateway/typesafe/v1/systemone
POST   root     write    /gateway/openai/v1/responses
POST   root     write    /gateway/openai/v1/responses/compact
POST   root     write    /gateway/anthropic/v1/messages
POST   root     write    /gateway/gemini/v1beta/models/{endpoint_name}:generateContent
POST   root     write    /gateway/gemini/v1beta/models/{endpoint_name}:streamGenerateContent
POST   root     write    /gateway/proxy/{endpoint_name}/{path:.+}

# Jobs and demo
POST   3-ajax   write    /mlflow/genai/evaluate/invoke
GET    3-ajax   read     /mlflow/jobs/{job_id}
PATCH  3-ajax   write    /mlflow/jobs/cancel/{job_id}
POST   3-ajax   write    /mlflow/demo/generate
POST   3-ajax   write    /mlflow/demo/delete
GET    3-ajax   read     /jobs/{job_id}
POST   3-ajax   write    /jobs/
PATCH  3-ajax   write    /jobs/cancel/{job_id}
POST   3-ajax   read     /jobs/search

# Workspaces
GET    3        read     /mlflow/workspaces
POST   3        write    /mlflow/workspaces
GET    3        read     /mlflow/workspaces/{workspace_name}
PATCH  3        write    /mlflow/workspaces/{workspace_name}
DELETE 3        write    /mlflow/workspaces/{workspace_name}

# MCP server registry
POST   3        write    /mlflow/mcp-servers
GET    3        read     /mlflow/mcp-servers
GET    3        read     /mlflow/mcp-servers/endpoints
POST   3        write    /mlflow/mcp-servers/{name:.+}/versions/{version:.+}/tags
DELETE 3        write    /mlflow/mcp-servers/{name:.+}/versions/{version:.+}/tags/{key:.+}
GET    3        read     /mlflow/mcp-servers/{name:.+}/versions/{version:.+}
PATCH  3        write    /mlflow/mcp-servers/{name:.+}/versions/{version:.+}
DELETE 3        write    /mlflow/mcp-servers/{name:.+}/versions/{version:.+}
POST   3        write    /mlflow/mcp-servers/{name:.+}/versions
GET    3        read     /mlflow/mcp-servers/{name:.+}/versions
POST   3        write    /mlflow/mcp-servers/{name:.+}/endpoints
GET    3        read     /mlflow/mcp-servers/{name:.+}/endpoints/{endpoint_id}
PATCH  3        write    /mlflow/mcp-servers/{name:.+}/endpoints/{endpoint_id}
DELETE 3        write    /mlflow/mcp-servers/{name:.+}/endpoints/{endpoint_id}
GET    3        read     /mlflow/mcp-servers/{name:.+}/endpoints
POST   3        write    /mlflow/mcp-servers/{name:.+}/tags
DELETE 3        write    /mlflow/mcp-servers/{name:.+}/tags/{key:.+}
POST   3        write    /mlflow/mcp-servers/{name:.+}/aliases
GET    3        read     /mlflow/mcp-servers/{name:.+}/aliases/{alias:.+}
DELETE 3        write    /mlflow/mcp-servers/{name:.+}/aliases/{alias:.+}
GET    3        read     /mlflow/mcp-servers/{name:.+}
PATCH  3        write    /mlflow/mcp-servers/{name:.+}
DELETE 3        write    /mlflow/mcp-servers/{name:.+}

# Assistant
POST   3-ajax   write    /mlflow/assistant/message
GET    3-ajax   read     /mlflow/assistant/sessions/{session_id}/stream
PATCH  3-ajax   write    /mlflow/assistant/sessions/{session_id}
POST   3-ajax   write    /mlflow/assistant/sessions/{session_id}/permission
POST   3-ajax   write    /mlflow/assistant/sessions/{session_id}/tool-result
GET    3-ajax   read     /mlflow/assistant/providers/{provider}/health
GET    3-ajax   read     /mlflow/assistant/providers
GET    3-ajax   read     /mlflow/assistant/config
PUT    3-ajax   write    /mlflow/assistant/config
POST   3-ajax   write    /mlflow/assistant/skills/install
GET    3-ajax   read     /mlflow/assistant/providers/{provider}/models
"""


def unbuilt_routes() -> list[Route]:
    """A route for every line of the table."""
    lines = (line.split() for line in TABLE.splitlines() if line and not line.startswith("#"))
    return [unbuilt_route(method, PREFIXES[prefixes], Kind(kind), path) for method, prefixes, kind, path in lines]


def unbuilt_route(method: str, prefixes: tuple[str, ...], kind: Kind, path: str) -> Route:
    """A route that says that it is not built."""
    return Route(
        method=method,
        path=path,
        prefixes=prefixes,
        handler=answer_not_implemented,
        kind=kind,
        permission=PERMISSIONS[kind],
        limits=UNBUILT_LIMITS,
    )


async def answer_not_implemented(request: web.Request) -> web.StreamResponse:
    """Raises NotImplementedYet."""
    raise NotImplementedYet(f"{request.method} {request.path} is not implemented in Tracklog yet.")
