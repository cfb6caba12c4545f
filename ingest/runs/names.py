"""Names for runs and models that were given none: adjective-noun-NNN."""

import random
from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ADJECTIVES: Final = _words("""
    able agile amber ample apt arctic autumn balmy bold brave bright brisk calm candid careful cheery civil clear
    clever coastal copper cosmic crisp curious daring deep deft dusky eager early earnest easy fair famous fast fine
    firm fleet fluent fond frank fresh gentle giant glad golden good grand green handy happy hardy honest humble icy
    jolly keen kind large lively lofty loyal lucid lucky lunar major mellow merry mighty mild modest neat nimble noble
    novel olive open patient placid plucky polite proud quick quiet rapid rare ready robust rosy royal rustic sage
    scenic serene sharp shiny silent silver sleek smart smooth snug solar solid sonic spry stable steady stellar still
    stout strong subtle sunny super sure swift tall tame tidy tiny tough tranquil true trusty upbeat urban vast velvet
    vivid warm wary wise witty young zesty
""")

NOUNS: Final = _words("""
    acorn alder anchor antelope aspen atlas badger bamboo basin bay beacon beaver birch bison bluff boulder brook
    canyon cedar cliff cloud clover comet condor coral cove crane creek cricket dale delta dolphin dove dune eagle
    ember falcon fern fjord flint forest fox garnet geyser glacier glade grove gull harbor hare hawk hazel heron hill
    horizon ibex iris island ivy jasper juniper kestrel lagoon lake lark laurel lichen lily linden lotus lynx magpie
    maple marlin marsh marten meadow meteor mesa mist moon moss nebula oak oasis ocean onyx opal orbit orchid osprey
    otter owl peak pebble pine planet plover pond poplar prairie quail quartz rain raven reef ridge river robin sable
    salmon sequoia shore sierra sky sparrow spruce star stone stork stream summit swan tarn thistle thrush tide trout
    tulip tundra valley violet walnut wave willow wind wolf wren yew zephyr
""")


def random_name() -> str:
    """A name that is easy to tell apart from others; it need not be unique."""
    return f"{random.choice(ADJECTIVES)}-{random.choice(NOUNS)}-{random.randint(100, 999)}"
