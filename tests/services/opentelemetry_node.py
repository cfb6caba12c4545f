"""OpenTelemetry's exporters for Node.js."""

from pathlib import Path

from tests.services.npm import installed

VERSION = "0.223.1"
SDK_VERSION = "2.12.1"


def modules() -> Path:
    """The folder that Node finds them in. Raises ServiceMissing."""
    return installed(
        f"opentelemetry-node-{VERSION}",
        "@opentelemetry/api@1",
        f"@opentelemetry/exporter-trace-otlp-http@{VERSION}",
        f"@opentelemetry/exporter-trace-otlp-proto@{VERSION}",
        f"@opentelemetry/resources@{SDK_VERSION}",
        f"@opentelemetry/sdk-trace-base@{SDK_VERSION}",
    )
