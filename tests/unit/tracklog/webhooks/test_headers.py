"""The headers of a delivery."""

from tracklog.webhooks.headers import headers_of, signature

BODY = (
    b'{"entity": "prompt_alias", "action": "deleted", "timestamp": "2026-11-29T06:33:38.542999+00:00", "data": {"name":'
    b' "example_prompt", "alias": "example_alias"}}'
)
DELIVERY_ID = "58dae77b-5c8b-40f9-a16a-67f21f40fbe6"


def test_a_signature_is_that_of_mlflow() -> None:
    """As a server of MLflow 3.17.2 sent it."""
    assert signature("s3cret", DELIVERY_ID, "1795934018", BODY) == "v1,NIaqlSyKwF42WFDkwTO7OqMxfIaNSh/mPesb8XjCKQo="


def test_a_delivery_tells_what_it_is_and_when_it_was_first_tried() -> None:
    headers = headers_of(
        delivery_id=DELIVERY_ID,
        webhook_id="w",
        position="3:17",
        started_us=1_795_934_018_999_999,
        body=BODY,
        secret="s3cret",
    )
    assert dict(headers) == {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": DELIVERY_ID,
        "X-MLflow-Timestamp": "1795934018",
        "X-Tracklog-Webhook-Id": "w",
        "X-Tracklog-Event-Position": "3:17",
        "X-MLflow-Signature": "v1,NIaqlSyKwF42WFDkwTO7OqMxfIaNSh/mPesb8XjCKQo=",
    }


def test_a_test_has_no_position_and_no_secret_means_no_signature() -> None:
    for secret in (None, ""):
        headers = headers_of(
            delivery_id=DELIVERY_ID, webhook_id="w", position=None, started_us=0, body=b"", secret=secret
        )
        assert {name for name, _ in headers} == {
            "Content-Type",
            "X-MLflow-Delivery-Id",
            "X-MLflow-Timestamp",
            "X-Tracklog-Webhook-Id",
        }
