"""The artifacts that a running server passes, as a store."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.stores.blob_store import (
    BlobNotFound,
    Entry,
    NotABlob,
    StoreRefused,
    StoreUnavailable,
)
from tracklog.moving.served_blob_store import ROUTE, ServedBlobStore

FILES: Final = {"a file": b"one", "deep/ä": b"two"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def path(text: str) -> ArtifactPath:
    return ArtifactPath(tuple(text.split("/")))


@asynccontextmanager
async def store_of(handler: Handler) -> AsyncIterator[ServedBlobStore]:
    app = web.Application()
    app.router.add_route("*", "/behind" + ROUTE, handler)
    app.router.add_route("*", "/behind" + ROUTE + "/{path:.*}", handler)
    async with TestServer(app) as server:
        store = ServedBlobStore(f"{server.make_url('/behind')}/", {"Authorization": "Basic x"}, {})
        await store.start()
        try:
            yield store
        finally:
            await store.close()


class Kept:
    """A server with files, which lists one entry a page, in no order."""

    def __init__(self, *, says_sizes: bool = True) -> None:
        self.files = dict(FILES)
        self.headers: list[str] = []
        self._says_sizes = says_sizes

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(request.headers["Authorization"])
        name = request.match_info.get("path")
        if name is None:
            return self._listed(request)
        if request.method == "PUT":
            self.files[name] = await request.read()
            return web.json_response({})
        if request.method == "DELETE":
            del self.files[name]
            return web.json_response({})
        if name not in self.files:
            return web.json_response({"message": "none"}, status=404)
        if self._says_sizes:
            return web.Response(body=self.files[name], headers={"ETag": '"e"'})
        answer = web.StreamResponse()
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        await answer.write(self.files[name])
        return answer

    def _listed(self, request: web.Request) -> web.Response:
        folder = f"{request.query['path']}/" if "path" in request.query else ""
        entries: dict[str, Any] = {}
        for name, content in sorted(self.files.items(), reverse=True):
            if name.startswith(folder):
                first, _, rest = name.removeprefix(folder).partition("/")
                entries[first] = {"path": first, "is_dir": True} if rest else {"path": first, "file_size": len(content)}
        found = [{"path": "..", "is_dir": True}, *entries.values()]
        at = int(request.query.get("page_token", 0))
        more = {"next_page_token": str(at + 1)} if at + 1 < len(found) else {}
        return web.json_response({"files": found[at : at + 1], **more})


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for one in content:
        yield one


async def read(store: ServedBlobStore, name: str) -> bytes:
    async with store.open(path(name)) as blob:
        return b"".join([chunk async for chunk in blob.read(0, blob.info.size)])


@pytest.mark.parametrize("says_sizes", [True, False])
async def test_a_file_is_read_whole_whether_or_not_its_size_is_said(says_sizes: bool) -> None:
    async with store_of(Kept(says_sizes=says_sizes).answer) as store:
        assert [await read(store, name) for name in FILES] == list(FILES.values())
        async with store.open(path("a file")) as blob:
            assert (blob.info.size, blob.info.etag) == (3, '"e"' if says_sizes else "")
            with pytest.raises(NotImplementedError):
                await anext(blob.read(1, 2))


@pytest.mark.parametrize("size", [6, None])
async def test_a_file_is_put_with_who_asks(size: int | None) -> None:
    kept = Kept()
    async with store_of(kept.answer) as store:
        version = await store.put(path("new/ö"), pieces(b"thr", b"ee!"), size)
        assert (version.size, kept.files["new/ö"], set(kept.headers)) == (6, b"three!", {"Basic x"})
        await store.delete(path("new/ö"))
        assert "new/ö" not in kept.files


async def test_what_is_in_a_folder_comes_page_after_page_without_odd_names() -> None:
    async with store_of(Kept().answer) as store:
        assert [entry async for entry in store.entries(ROOT)] == [Entry("deep", None), Entry("a file", 3)]
        assert [entry async for entry in store.entries(path("deep"))] == [Entry("ä", 3)]
        assert [entry async for entry in store.entries(ROOT, after="a file")] == [Entry("deep", None)]
        await store.check_writable()


async def test_what_is_known_of_a_file_is_said_by_the_list_of_its_folder() -> None:
    async with store_of(Kept().answer) as store:
        assert (await store.stat(path("deep/ä"))).size == 3
        with pytest.raises(NotABlob, match="The artifact deep is a folder"):
            await store.stat(path("deep"))
        for name in ("none", "deep/none"):
            with pytest.raises(BlobNotFound, match=f"There is no artifact {name}"):
                await store.stat(path(name))
        with pytest.raises(BlobNotFound):
            await read(store, "none")


@pytest.mark.parametrize(
    ("status", "error"),
    [(302, StoreRefused), (401, StoreRefused), (403, StoreRefused), (429, StoreUnavailable), (503, StoreUnavailable)],
)
async def test_what_a_server_refuses_is_said_in_its_words(status: int, error: type[Exception]) -> None:
    async def refuses(_request: web.Request) -> web.Response:
        return web.Response(text="Not so.", status=status, headers={"Location": "http://127.0.0.1:9/"})

    async with store_of(refuses) as store:
        with pytest.raises(error, match=f"answers {status}: Not so"):
            await store.put(path("a"), pieces(b"x"), 1)
        with pytest.raises(error):
            await store.check_writable()


async def test_an_answer_that_is_cut_is_no_file() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b"some")
        assert request.transport is not None
        request.transport.close()
        return answer

    async with store_of(cut) as store:
        with pytest.raises(StoreUnavailable, match="ended its answer too early"):
            await read(store, "a")


async def test_a_server_that_is_away_is_unavailable() -> None:
    store = ServedBlobStore("http://127.0.0.1:9", {}, {})
    await store.close()  # before it was started
    await store.start()
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await read(store, "a")
    with pytest.raises(NotImplementedError):
        store.multipart.__class__  # noqa: B018  # to ask for it is what is refused
    await store.close()
