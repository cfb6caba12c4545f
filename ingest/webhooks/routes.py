"""The routes of the commands about webhooks: MLflow's, and ours."""

from typing import Final

from ingest.webhooks.commands import WebhookCommands
from ingest.write_route import write_route
from schemas.messages.webhooks import (
    CreateNamedWebhook,
    CreateWebhook,
    DeleteNamedWebhook,
    DeleteWebhook,
    RedeliverDeliveries,
    RedeliverDelivery,
    ResumeWebhook,
    TestWebhook,
    UpdateNamedWebhook,
    UpdateWebhook,
)
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, MIB, NO_PREFIX, WRITE_LIMITS, Handler, Kind, Limits, Permission, Route

OURS: Final = "/api/tracklog/v1/webhooks"

TEST_LIMITS: Final = Limits(body_bytes=MIB, timeout_s=90.0)
"""A receiver may take half a minute to answer."""


def webhook_routes(commands: WebhookCommands) -> tuple[Route, ...]:
    """Every route of these commands. Whoever makes a webhook makes the server call out: administrators alone."""
    admin, one = Permission.ADMIN, "/{webhook_id}"
    return (
        write_route("POST", "webhooks", command_handler(CreateWebhook, commands.create), admin, DATA_LIMITS),
        write_route("PATCH", f"webhooks{one}", command_handler(UpdateWebhook, commands.update), admin, DATA_LIMITS),
        write_route("DELETE", f"webhooks{one}", command_handler(DeleteWebhook, commands.delete), admin),
        write_route("POST", f"webhooks{one}/test", command_handler(TestWebhook, commands.test), admin, TEST_LIMITS),
        _own("POST", "", command_handler(CreateNamedWebhook, commands.create_named), DATA_LIMITS),
        _own("PATCH", one, command_handler(UpdateNamedWebhook, commands.update_named), DATA_LIMITS),
        _own("DELETE", one, command_handler(DeleteNamedWebhook, commands.delete)),
        _own("POST", f"{one}/resume", command_handler(ResumeWebhook, commands.resume)),
        _own("POST", f"{one}/redeliver", command_handler(RedeliverDeliveries, commands.redeliver_since)),
        _own(
            "POST",
            f"{one}/deliveries/{{delivery_id}}/redeliver",
            command_handler(RedeliverDelivery, commands.redeliver),
        ),
    )


def _own(method: str, path: str, handler: Handler, limits: Limits = WRITE_LIMITS) -> Route:
    return Route(
        method=method,
        path=f"{OURS}{path}",
        prefixes=NO_PREFIX,
        handler=handler,
        kind=Kind.WRITE,
        permission=Permission.ADMIN,
        limits=limits,
    )
