"""The headers of a delivery, with the signature by which a receiver knows whom it is from.

Source: MLflow 3.17 for those that begin with X-MLflow, and for what is signed.
"""

import base64
import hashlib
import hmac


def headers_of(
    *, delivery_id: str, webhook_id: str, position: str | None, started_us: int, body: bytes, secret: str | None
) -> list[tuple[str, str]]:
    """What to send with `body`; `started_us` is one time for all tries, so that they are the same at each.

    `position` is `<partition>:<offset>` of the event, None for a test. Without a secret there is no signature.
    """
    timestamp = str(started_us // 1_000_000)
    headers = [
        ("Content-Type", "application/json"),
        ("X-MLflow-Delivery-Id", delivery_id),
        ("X-MLflow-Timestamp", timestamp),
        ("X-Tracklog-Webhook-Id", webhook_id),
    ]
    if position is not None:
        headers.append(("X-Tracklog-Event-Position", position))
    if secret:
        headers.append(("X-MLflow-Signature", signature(secret, delivery_id, timestamp, body)))
    return headers


def signature(secret: str, delivery_id: str, timestamp: str, body: bytes) -> str:
    """The secret is used as it is, as UTF-8."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    code = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(code).decode()}"
