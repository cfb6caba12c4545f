"""Under which keys a bucket holds the blobs of a store."""

from artifact_proxy.artifact_path import ROOT, file_path, folder_path
from artifact_proxy.stores.buckets.object_keys import ObjectKeys


def test_the_keys_of_a_folder_begin_with_its_name_and_a_slash() -> None:
    keys = ObjectKeys(folder_path("a/b"))
    assert keys.of(file_path("c/d")) == "a/b/c/d"
    assert keys.begin(folder_path("c")) == "a/b/c/"
    assert keys.begin(ROOT) == "a/b/"
    assert keys.below(folder_path("x")).of(file_path("y")) == "a/b/x/y"


def test_every_key_is_in_a_whole_bucket() -> None:
    assert ObjectKeys().of(file_path("c")) == "c"
    assert ObjectKeys().begin(ROOT) == ""
