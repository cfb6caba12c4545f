"""Runs Tracklog with a clock that differs from the machine's: `python -m tests.services.skewed_clock SECONDS ROLE …`.

For tests of several machines on one. Only the time of day is moved, and only what Python asks for by `time`.
"""

import runpy
import sys
import time


def main() -> None:
    """Take the seconds from the command line, and run what follows them as `tracklog`."""
    ahead_s = float(sys.argv.pop(1))
    of_day, of_day_ns = time.time, time.time_ns
    time.time = lambda: of_day() + ahead_s
    time.time_ns = lambda: of_day_ns() + int(ahead_s * 1e9)
    runpy.run_module("tracklog", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
