"""How many examples a property is tried on: all of them in `make test`, a part in `make unit`."""

from typing import Final

from hypothesis import Phase, settings

WHOLE: Final = "whole"
"""The profile of `make test`, which is the ordinary one."""

QUICK: Final = "quick"
"""The profile of `make unit` (`--hypothesis-profile=quick`): what a change breaks is nearly always found by these."""

OF_EACH_PROFILE: Final = {WHOLE: 100, QUICK: 10}


def register_profiles() -> None:
    """Make both known to Hypothesis, and the ordinary one load. No example has a deadline: machines are busy.

    What of a failed example does not matter is not looked for: that may take a quarter of an hour.
    """
    phases = [phase for phase in Phase if phase is not Phase.explain]
    for name, examples in OF_EACH_PROFILE.items():
        settings.register_profile(name, settings(), deadline=None, max_examples=examples, phases=phases)
    settings.load_profile(WHOLE)


def examples(whole: int) -> int:
    """How many of `whole` examples the profile leaves: for a property that asks for another number than the profile."""
    return max(1, whole * settings().max_examples // OF_EACH_PROFILE[WHOLE])
