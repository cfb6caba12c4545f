"""Whether a read model and a log belong together: it was folded from this log, and from no more than the log holds."""

from typing import Final

from schemas.envelope import Positions

LOG_ID: Final = "log_id"
"""The row of `facts` that names the log a read model is folded from."""


def fault(read_model_log_id: str | None, checkpoints: Positions, log_id: str, end: Positions) -> str | None:
    """Why a read model does not belong to a log, None when it does.

    `read_model_log_id` is the id of the log it was folded from, None where it has none. `end` must have been
    asked for after `checkpoints`, else a log that grew meanwhile seems to be shorter.
    """
    if read_model_log_id != log_id:
        return f"it was folded from the log {read_model_log_id or 'of no known id'}, and this is the log {log_id}"
    for partition, checkpoint in sorted(checkpoints.items()):
        if checkpoint > end.get(partition, 0):
            return (
                f"it is folded up to {partition}:{checkpoint}, and the log {log_id} ends at"
                f" {partition}:{end.get(partition, 0)}"
            )
    return None
