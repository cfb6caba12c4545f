"""How fast webhooks are told."""

from bench.measures import SETUP_LIMIT_S, Measure, NotMeasurableError, Row, Sample, Stage
from bench.process_tree import cpu_seconds, cpu_spent
from bench.webhook_receiver import Receiver, receiving

DELIVERIES = 30_000
ARRIVED_LIMIT_S = 300.0


class Deliveries(Measure):
    """Deliveries a second to one receiver on this machine, of events that are there already.

    One webhook is told of every model that is made; then all of it is delivered again, from the beginning, at once.
    """

    name = "webhook-deliveries"
    rows = (
        Row("webhook-deliveries", "deliveries of one webhook to a local receiver", 5_000, "deliveries/s", "higher"),
    )

    def prepare(self, stage: Stage) -> int:
        """How many events there are."""
        count = stage.settings.size(DELIVERIES, DELIVERIES // 5)
        parameters = {"count": count, "versions": 0}
        result = stage.load("registered_models", parameters, connections=32, limit_s=SETUP_LIMIT_S)
        if result.errors or result.cut_short:
            raise NotMeasurableError(f"making {count} models failed: {result.error_texts[:1]}")
        return count

    def measure(self, stage: Stage, prepared: int) -> Sample:
        with receiving() as receiver:
            webhook_id = _new_webhook(stage, receiver)
            try:
                # The sender starts with the first webhook, and its first call opens connections.
                stage.running.post("registered-models/create", {"name": f"warm-up-{stage.round}"})
                receiver.wait_for(1, ARRIVED_LIMIT_S)
                receiver.restart()
                before = cpu_seconds(stage.running.pid)
                redeliver(stage, webhook_id)
                calls, repeats, took_s = receiver.wait_for(prepared, ARRIVED_LIMIT_S)
                cpu = cpu_spent(before, cpu_seconds(stage.running.pid))
            finally:
                stage.running.ask("DELETE", f"/api/2.0/mlflow/webhooks/{webhook_id}")
        detail = {"calls": calls, "repeats": repeats, "elapsed_s": round(took_s, 3), "server_cpu_s": cpu}
        return Sample({self.rows[0].name: calls / took_s}, repeats, "", detail)


def _new_webhook(stage: Stage, receiver: Receiver) -> str:
    event = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
    body = {"name": "bench", "url": receiver.url, "events": [event], "secret": "a secret of the bench"}
    webhook_id: str = stage.running.post("webhooks", body)["webhook"]["webhook_id"]
    return webhook_id


def redeliver(stage: Stage, webhook_id: str) -> None:
    """Have everything delivered again, from the beginning of the log."""
    path = f"/api/tracklog/v1/webhooks/{webhook_id}/redeliver"
    stage.running.ask("POST", path, {"positions": [0]})
