"""What `make serve` shows while packages are installed."""

from pathlib import Path

from scripts.install import EVERY_S, STILL_S, Progress, named_in

ROOT = Path(__file__).resolve().parents[3]


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_how_far_it_is_is_said_now_and_again_and_not_for_each_package() -> None:
    clock = Clock()
    said: list[str] = []
    progress = Progress(38, said.append, clock)
    for name in ("aiohttp==3.14 (from -r x.lock (line 1))", "orjson==3.11"):
        progress.heard(f"Collecting {name}\n")
    assert said == []
    clock.now_s += EVERY_S
    progress.heard("  Downloading orjson-3.11.whl (1 MB)\n")
    progress.heard("Collecting zstandard[cffi]==0.23\n")
    progress.heard("Installing collected packages: aiohttp, orjson, zstandard\n")
    assert said == ["  3 of 38 packages, zstandard", "  unpacking 3 packages"]


def test_who_waits_long_is_told_that_it_goes_on() -> None:
    clock = Clock()
    said: list[str] = []
    progress = Progress(38, said.append, clock)
    progress.heard("Collecting aiohttp==3.14\n")
    progress.waited()
    clock.now_s += STILL_S
    progress.waited()
    progress.waited()
    assert said == ["  still at it after 10 s: 1 of 38 packages, aiohttp"]


def test_packages_are_counted_in_a_lock_file() -> None:
    lines = ["# comment", "aiohttp==3.14 \\", "    --hash=sha256:00", "    # via x==1", "a-b[c]==1"]
    assert named_in(lines) == 2
    assert named_in((ROOT / "requirements-runtime.lock").read_text().splitlines()) > 20
