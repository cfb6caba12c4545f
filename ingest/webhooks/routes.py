"""The routes of the commands about webhooks: MLflow's, and ours."""

from typing import Final

from ingest.webhooks.commands import WebhookCommands
from ingest.write_route import tracklog_write, write_route
from schemas.messages.webhooks import (
    CreateNamedWebhook,
    CreateWebhook,
    DeleteNamedWebhook,
    DeleteWebhook,
    RedeliverDeliveries,
    RedeliverDelivery,
    ResumeWebhook,
    TestNamedWebhook,
    TestWebhook,
    UpdateNamedWebhook,
    UpdateWebhook,
)
from schemas.rest.handler import command_handler
from schemas.rest.route import DATA_LIMITS, MIB, Limits, Permission, Route

TEST_LIMITS: Final = Limits(body_bytes=MIB, timeout_s=90.0)
"""A receiver may take half a minute to answer."""


def webhook_routes(commands: WebhookCommands) -> tuple[Route, ...]:
    """Every route of these commands. Whoever makes a webhook makes the server call out: administrators alone."""
    admin, one = Permission.ADMIN, "webhooks/{webhook_id}"
    again = f"{one}/deliveries/{{delivery_id}}/redeliver"
    return (
        write_route("POST", "webhooks", command_handler(CreateWebhook, commands.create), admin, DATA_LIMITS),
        write_route("PATCH", one, command_handler(UpdateWebhook, commands.update), admin, DATA_LIMITS),
        write_route("DELETE", one, command_handler(DeleteWebhook, commands.delete), admin),
        write_route("POST", f"{one}/test", command_handler(TestWebhook, commands.test), admin, TEST_LIMITS),
        tracklog_write(
            "POST", "webhooks", command_handler(CreateNamedWebhook, commands.create_named), admin, DATA_LIMITS
        ),
        tracklog_write("PATCH", one, command_handler(UpdateNamedWebhook, commands.update_named), admin, DATA_LIMITS),
        tracklog_write("DELETE", one, command_handler(DeleteNamedWebhook, commands.delete_named), admin),
        tracklog_write(
            "POST", f"{one}/test", command_handler(TestNamedWebhook, commands.test_named), admin, TEST_LIMITS
        ),
        tracklog_write("POST", f"{one}/resume", command_handler(ResumeWebhook, commands.resume), admin),
        tracklog_write(
            "POST", f"{one}/redeliver", command_handler(RedeliverDeliveries, commands.redeliver_since), admin
        ),
        tracklog_write("POST", again, command_handler(RedeliverDelivery, commands.redeliver), admin),
    )
