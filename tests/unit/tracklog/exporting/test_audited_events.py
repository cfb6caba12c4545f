"""Which artifacts there were after some events."""

import pytest

from schemas.envelope import Actor, RecordedEvent
from schemas.events import AnyEvent, ArtifactDeleted, ArtifactUploaded
from tracklog.exporting.audited_events import ArtifactsThen

RECORDED = RecordedEvent(0, 0, bytes(16), "t", 1, "s", 0, Actor(), "", b"")


@pytest.mark.parametrize(("root", "left"), [("", ["a/b of there"]), ("there", ["a/b of "])])
def test_what_is_deleted_below_one_root_stays_below_the_others(root: str, left: list[str]) -> None:
    events: list[AnyEvent] = [
        ArtifactUploaded(path="a/b", size=1, etag="", sha256="00", root=""),
        ArtifactUploaded(path="a/b", size=1, etag="", sha256="00", root="there"),
        ArtifactDeleted(path="a", root=root),
    ]
    artifacts = ArtifactsThen()
    for event in events:
        artifacts.add(RECORDED, event)
    assert [f"{one['path']} of {one.get('root', '')}" for one in artifacts.listed()] == left
