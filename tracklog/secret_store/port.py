"""The store of secrets as those see it who keep something there."""

from typing import Protocol


class Secrets(Protocol):
    """Bytes by ids. Raises TemporarilyUnavailable when the store cannot be reached."""

    async def put(self, secret_id: str, secret: bytes) -> None: ...

    async def replace(self, secret_id: str, before: bytes, after: bytes) -> bool: ...

    async def get(self, secret_id: str) -> bytes | None: ...

    async def delete(self, secret_id: str) -> None: ...

    async def ids(self) -> set[str]: ...
