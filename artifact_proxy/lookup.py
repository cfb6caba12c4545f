"""Finding what a client means by a name that nothing has; see `client_names`."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final

from artifact_proxy.artifact_path import ArtifactPath
from artifact_proxy.artifact_roots import Place
from artifact_proxy.client_names import as_asked, is_odd, plain, stand_in, stored_path
from artifact_proxy.stores.blob_store import BlobNotFound, BlobStore, NotABlob

RUN_FOLDER: Final = "artifacts"
"""How the folder of a run, or of a logged model, ends. Above it all names are made by the server or the operator."""

MOST_FOLDERS: Final = 2
MOST_NAMES: Final = 20_000
"""Bounds of what is remembered. A client that fetches ten thousand files with odd names asks for one after another, and
listing their folder for each of them would take hours."""

NAMES_AT_ONCE: Final = 100
"""Odd names that are read before other requests have a turn: some three milliseconds."""


class Lookup:
    """Looks names up in stores, and remembers by which other names clients ask for them."""

    def __init__(self) -> None:
        self._remembered: OrderedDict[tuple[BlobStore, ArtifactPath], dict[str, str]] = OrderedDict()

    async def places(self, place: Place) -> AsyncIterator[Place]:
        """Where the blob or folder may be that is asked for as `place`, the most likely first.

        Only the last is looked for in the store. Raises StoreUnavailable.
        """
        tried: set[ArtifactPath] = set()
        for path in spellings(place.path):
            if path not in tried:
                tried.add(path)
                yield replace(place, path=path)
        found = await self._walk(place.store, stored_path(place.path))
        if found is not None:
            yield replace(place, path=found)

    async def existing(self, place: Place) -> Place:
        """Where the blob or folder is that is asked for as `place`; `place` itself when there is none.

        Raises StoreUnavailable.
        """
        if len(place.path.segments) <= depth_of_run_folder(place.path):
            return place
        async for each in self.places(place):
            try:
                await each.store.stat(each.path)
            except NotABlob:
                return each
            except BlobNotFound:
                continue
            else:
                return each
        return place

    async def _walk(self, store: BlobStore, path: ArtifactPath) -> ArtifactPath | None:
        """What a client means by `path` when it has the names in it from listings; None when there is nothing.

        Begins at the lowest folder of the path that exists.
        """
        for depth in range(len(path.segments) - 1, depth_of_run_folder(path) - 1, -1):
            folder = ArtifactPath(path.segments[:depth])
            if not await has_entries(store, folder):
                continue
            for asked in path.segments[depth:]:
                name = await self._name(store, folder, asked)
                if name is None:
                    return None
                folder = folder.joined(ArtifactPath((name,)))
            return folder
        return None

    async def _name(self, store: BlobStore, folder: ArtifactPath, asked: str) -> str | None:
        """The name in `folder` that is meant by `asked`: that very name, or an odd one."""
        known = self._remembered.get((store, folder), {}).get(asked)
        if known is not None and await is_there(store, folder.joined(ArtifactPath((known,)))):
            return known
        odd: list[str] = []
        async for entry in store.entries(folder):
            if entry.name == asked:
                return asked
            if is_odd(entry.name):
                odd.append(entry.name)
        names: dict[str, str] = {}
        async for name, other in asked_for(odd):
            if other is not None:
                names.setdefault(other, name)
            names.setdefault(stand_in(name), name)
        if len(names) <= MOST_NAMES:
            self._remember(store, folder, names)
        return names.get(asked)

    def _remember(self, store: BlobStore, folder: ArtifactPath, names: dict[str, str]) -> None:
        self._remembered[store, folder] = names
        self._remembered.move_to_end((store, folder))
        while len(self._remembered) > MOST_FOLDERS:
            self._remembered.popitem(last=False)


async def asked_for(odd: Sequence[str]) -> AsyncIterator[tuple[str, str | None]]:
    """Each odd name with what `as_asked` makes of it."""
    for number, name in enumerate(odd, 1):
        yield name, as_asked(name)
        if number % NAMES_AT_ONCE == 0:
            await asyncio.sleep(0)


async def names_shown(names: Sequence[str]) -> list[str]:
    """The names of some entries of a folder as MLflow's client is shown them, which asks for odd ones by other names.

    Where it could not ask for one at all, or would get another entry in its place, it is shown a stand-in.
    """
    odd = [name for name in names if is_odd(name)]
    if not odd:
        return list(names)
    taken = set(names)
    stand_ins: dict[str, str] = {}
    async for name, other in asked_for(odd):
        if other is None or (other != name and other in taken):
            stand_ins[name] = stand_in(name)
        else:
            taken.add(other)
    return [stand_ins.get(name, name) for name in names]


def spellings(path: ArtifactPath) -> tuple[ArtifactPath, ...]:
    """The names under which a file or folder may lie that is asked for as `path`."""
    if "%" not in str(path):
        return (path,)
    return (stored_path(path), path, ArtifactPath(tuple(map(plain, path.segments))))


def depth_of_run_folder(path: ArtifactPath) -> int:
    """How many names of a path are those of the folder of a run or model; 0 when it is not in one."""
    depth = next((depth for depth, name in enumerate(path.segments) if name == RUN_FOLDER and depth > 0), -1)
    return depth + 1


async def has_entries(store: BlobStore, folder: ArtifactPath) -> bool:
    async for _ in store.entries(folder):
        return True
    return False


async def is_there(store: BlobStore, path: ArtifactPath) -> bool:
    try:
        await store.stat(path)
    except BlobNotFound:
        return False
    except NotABlob:
        return True
    return True
