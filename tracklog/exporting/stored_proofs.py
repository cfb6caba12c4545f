"""The proofs of a log as an archive asks for them, from the store where they are kept."""

from collections.abc import Sequence

from schemas.errors import TemporarilyUnavailable
from tracklog.exporting.audit_archive import Proven
from tracklog.proving.proof_store import ProofStore
from tracklog.proving.stored_tree import inclusion


class StoredProofs(Proven):
    def __init__(self, store: ProofStore) -> None:
        self._store = store

    async def inclusion(self, partition: int, offset: int, size: int) -> Sequence[bytes]:
        """Raises TemporarilyUnavailable where the tree is not whole."""
        try:
            return (await inclusion(self._store, partition, offset, size))[1]
        except (KeyError, ValueError) as error:
            raise TemporarilyUnavailable(f"The tree of partition {partition} is not whole: {error}.") from error
