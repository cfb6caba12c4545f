"""`python -m tests.abuse PORT SECONDS RUN`: attack the server at that port, and print how it answered, as JSON."""

import asyncio
import json
import resource
import sys
import time

from tests.abuse.attacks import ATTACKS, Target, attack, bombs, huge_bodies_of


def main() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
    target = Target(int(sys.argv[1]), sys.argv[3], huge_bodies_of(sys.argv[3]), bombs())
    target.until = time.monotonic() + float(sys.argv[2])
    asyncio.run(attack(target, ATTACKS))
    answered: dict[str, dict[str, int]] = {}
    for (name, status), number in sorted(target.answers.items()):
        answered.setdefault(name, {})[str(status)] = number
    sys.stdout.write(json.dumps(answered))


if __name__ == "__main__":
    main()
