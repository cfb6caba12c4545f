"""What a folder of a bucket holds in the order of names, a page in memory at a time.

A bucket lists keys in the order of their bytes, and a folder `a` by the key `a/`. So it comes after `a-b` and `a.txt`,
while its name comes before them. A folder that is listed later must be given now when a name that follows it is given;
only the folders that the page's last key begins with, up to a character below `/`, can be such.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from artifact_proxy.artifact_path import ArtifactPath, fault_of
from artifact_proxy.stores.blob_store import Entry


@dataclass(frozen=True, slots=True)
class ListedPage:
    """One answer of a bucket, without the folder's own prefix: keys of blobs with their sizes, and folders."""

    blobs: list[tuple[str, int]]
    folders: list[str]
    is_last: bool

    @property
    def last_key(self) -> str:
        """The greatest key of the page, a folder's being its name and `/`."""
        return max(self.blobs[-1][0] if self.blobs else "", f"{self.folders[-1]}/" if self.folders else "")


async def in_order(
    pages: AsyncIterator[ListedPage],
    folder: ArtifactPath,
    is_folder: Callable[[ArtifactPath], Awaitable[bool]],
    after: str,
) -> AsyncIterator[Entry]:
    """The entries of the pages of `folder` with names greater than `after`, by the code points of the names.

    `is_folder` says whether there is a folder at a path; it is called for a few names a page at most.
    """
    decided: dict[str, bool] = {}
    async for page in pages:
        given = {name for name, is_there in decided.items() if is_there}
        entries = [Entry(name, size) for name, size in page.blobs]
        entries += [Entry(name, None) for name in page.folders if name not in given]
        waiting = [] if page.is_last else folders_to_come(page.last_key)
        for name in waiting:
            if name not in decided and await is_folder(ArtifactPath((*folder.segments, name))):
                entries.append(Entry(name, None))
                decided[name] = True
            decided.setdefault(name, False)
        decided = {name: decided[name] for name in waiting}
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name > after and fault_of(entry.name) is None:
                yield entry


def folders_to_come(last_key: str) -> list[str]:
    """The names before `last_key` whose keys as folders come after it, as far as a path can hold them."""
    names = (last_key[:place] for place, character in enumerate(last_key) if character < "/")
    return [name for name in names if fault_of(name) is None]
