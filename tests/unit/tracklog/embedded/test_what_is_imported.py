"""A server without webhooks and users pays for neither at its start."""

import subprocess
import sys

IMPORTED = "import sys, tracklog.embedded.services, ingest.routes, query_api.routes; print(*sys.modules)"


def test_the_stores_beside_the_log_are_imported_when_they_are_needed() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    needless = {
        "argon2",
        "cryptography",
        "tracklog.secret_store.store",
        "tracklog.webhooks.delivery_store",
        "tracklog.webhooks.seen_deliveries",
    }
    assert needless & set(done.stdout.split()) == set()
