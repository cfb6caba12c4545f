"""What a process answers and tells of the proof of its log."""

from tracklog.proving.seen_proofs import SeenProofs
from tracklog.serving.services import Services


def proof_services(proofs: SeenProofs) -> Services:
    """The routes of checkpoints and proofs, the metrics, and what `GET /ready` says beside what it needs."""
    from query_api.proof.routes import proof_routes

    return Services(routes=proof_routes(proofs), metrics=[proofs.measured], notices={"proof of the log": proofs.check})
