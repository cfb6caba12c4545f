"""What every store of secrets keeps."""

from tracklog.secret_store.store import SecretStore


class SecretStoreContract:
    async def test_what_was_put_is_got(self, store: SecretStore) -> None:
        await store.put("a", b"\x00\xff secret")
        assert await store.get("a") == b"\x00\xff secret"

    async def test_nothing_is_kept_under_another_id(self, store: SecretStore) -> None:
        await store.put("a", b"1")
        assert await store.get("A") is None

    async def test_the_last_put_holds(self, store: SecretStore) -> None:
        await store.put("a", b"1")
        await store.put("a", b"2")
        assert await store.get("a") == b"2"

    async def test_what_changed_meanwhile_is_not_replaced(self, store: SecretStore) -> None:
        await store.put("a", b"1")
        assert await store.replace("a", b"1", b"2")
        assert not await store.replace("a", b"1", b"3")
        assert await store.get("a") == b"2"
        await store.delete("a")
        assert not await store.replace("a", b"2", b"3")
        assert await store.get("a") is None

    async def test_what_was_deleted_is_gone_and_may_be_deleted_again(self, store: SecretStore) -> None:
        await store.put("a", b"1")
        await store.delete("a")
        await store.delete("a")
        assert await store.get("a") is None

    async def test_the_ids_are_known(self, store: SecretStore) -> None:
        await store.put("a", b"1")
        await store.put("b", b"2")
        assert await store.ids() == {"a", "b"}
