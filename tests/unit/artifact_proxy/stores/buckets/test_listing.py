"""Pages of a bucket become entries in the order of names, wherever the pages are cut."""

from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from artifact_proxy.artifact_path import ROOT, ArtifactPath
from artifact_proxy.stores.blob_store import Entry
from artifact_proxy.stores.buckets.listing import ListedPage, in_order

names = st.text(alphabet="a!-./0é", min_size=1, max_size=4).filter(lambda name: "/" not in name and set(name) != {"."})


async def listed(blobs: set[str], folders: set[str], page_keys: int) -> AsyncIterator[ListedPage]:
    """What S3 lists, `page_keys` a page."""
    keys = sorted([*blobs, *(f"{name}/" for name in folders)], key=str.encode)
    for start in range(0, len(keys), page_keys) if keys else [0]:
        page = keys[start : start + page_keys]
        yield ListedPage(
            [(key, 1) for key in page if not key.endswith("/")],
            [key[:-1] for key in page if key.endswith("/")],
            is_last=start + page_keys >= len(keys),
        )


@given(blobs=st.sets(names), folders=st.sets(names), page_keys=st.integers(1, 5), after=st.one_of(st.just(""), names))
async def test_entries_are_in_order_wherever_pages_end(
    blobs: set[str], folders: set[str], page_keys: int, after: str
) -> None:
    async def is_folder(path: ArtifactPath) -> bool:
        return path.name in folders

    given_entries = [entry async for entry in in_order(listed(blobs, folders, page_keys), ROOT, is_folder, after)]
    names_only = [entry.name for entry in given_entries]
    assert names_only == sorted(names_only)
    assert sorted(map(repr, given_entries)) == sorted(
        map(repr, [*(Entry(n, 1) for n in blobs if n > after), *(Entry(n, None) for n in folders if n > after)])
    )


async def test_only_a_few_names_a_page_are_asked_for() -> None:
    asked: list[str] = []

    async def is_folder(path: ArtifactPath) -> bool:
        asked.append(path.name)
        return False

    blobs = {f"epoch-{number:03}.ckpt" for number in range(100)}
    assert len([entry async for entry in in_order(listed(blobs, set(), 10), ROOT, is_folder, "")]) == 100
    # At the end of each of nine pages, "epoch" at the first only, and the name up to its dot.
    assert len(asked) == 1 + 9
