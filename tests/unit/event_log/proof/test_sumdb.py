"""A verifier of another hand, Go's `golang.org/x/mod/sumdb`, accepts our notes, proofs and tiles, and we its notes."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from event_log.proof.checkpoint import SignedSize
from event_log.proof.note import PrivateKey, PublicKey, verified
from event_log.proof.tree import consistency_ranges, inclusion_ranges
from tests.services.sumdb import said
from tests.unit.event_log.proof.trees import grown, leaves, proof

pytestmark = pytest.mark.service


def encoded(hashes: list[bytes]) -> list[str]:
    return [base64.b64encode(one).decode() for one in hashes]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 1000, 66_000])
def test_it_accepts_a_checkpoint_its_proofs_and_its_tiles(sumdb: Path, size: int) -> None:
    key = PrivateKey.generate("tracklog")
    found = leaves(size)
    tree, tiles = grown(found)
    signed = SignedSize("0192f0c1-2345-7000-8000-000000000000", 3, size, tree.root())
    indexes = sorted({0, size // 2, size // 3, size - 1})
    case: dict[str, Any] = {
        "Key": str(key.public),
        "Note": key.sign(signed.text()),
        "Inclusions": [
            {
                "Index": index,
                "Leaf": encoded([found[index].hash])[0],
                "Path": encoded(proof(tiles, inclusion_ranges(index, size))),
            }
            for index in indexes
        ],
        "Consistency": [
            {
                "Old": old,
                "Root": encoded([grown(found[:old])[0].root()])[0],
                "Path": encoded(proof(tiles, consistency_ranges(old, size))),
            }
            for old in indexes
            if old
        ],
        "Tiles": {f"{level}/{index}": encoded([tile.hashes])[0] for (level, index), tile in tiles.items()},
    }
    assert said(sumdb, case) == (0, '{"origin": "tracklog/0192f0c1-2345-7000-8000-000000000000/3"}')
    case["Inclusions"][0]["Leaf"] = encoded([bytes(32)])[0]
    assert said(sumdb, case)[0] == 1


def test_its_notes_and_keys_are_ours(sumdb: Path) -> None:
    made = json.loads(subprocess.run([sumdb, "make"], capture_output=True, text=True, check=True).stdout)
    key = PrivateKey.parse(made["private"])
    assert str(key.public) == made["public"]
    assert verified(made["note"], PublicKey.parse(made["public"])) == "A line.\nAnother.\n"
    assert key.sign("A line.\nAnother.\n") == made["note"]
