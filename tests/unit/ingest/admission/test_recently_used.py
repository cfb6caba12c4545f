"""The bounded map behind the cache of known entities."""

from ingest.admission.recently_used import RecentlyUsed


def test_the_entry_not_used_for_longest_makes_room() -> None:
    entries = RecentlyUsed[str, int](2)
    entries.put("a", 1)
    entries.put("b", 2)
    entries.get("a")
    entries.put("c", 3)
    assert (entries.get("a"), entries.get("b"), entries.get("c")) == (1, None, 3)


def test_putting_again_replaces() -> None:
    entries = RecentlyUsed[str, int](1)
    entries.put("a", 1)
    entries.put("a", 2)
    assert entries.get("a") == 2
    assert len(entries) == 1
