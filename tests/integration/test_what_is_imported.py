"""A server without webhooks and users pays for neither at its start."""

import subprocess
import sys

import pytest

DEPLOYMENTS = ("tracklog.embedded.services", "tracklog.distributed.roles", "tracklog.distributed.server")


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_the_stores_of_secrets_and_deliveries_are_imported_when_they_are_needed(deployment: str) -> None:
    imported = f"import sys, {deployment}, ingest.routes, query_api.routes; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", imported], capture_output=True, text=True, check=True)
    needless = {
        "argon2",
        "cryptography",
        "tracklog.secret_store.store",
        "tracklog.webhooks.delivery_store",
        "tracklog.webhooks.seen_deliveries",
    }
    assert needless & set(done.stdout.split()) == set()
