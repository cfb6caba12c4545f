"""How many transfers are under way."""


class Underway:
    """Counts those who are inside its context."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1
