"""`python -m tracklog.child MODULE ARGUMENTS`: run a module as a server's child, deaf to signals from its first moment.

Ctrl-C, and a service manager's SIGTERM, reach every process; the server drains first and then hangs up. A child that is
still importing what it needs would else end with a traceback, in the first second of a server.
"""

import signal
import sys

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    import runpy

    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
