"""Write captions for scenes, some with attributes: the prompt templates that train the λ prior.

A caption is a prompt template, `"a <s0> wearing a <w0> on the beach"`, with a noun for each name. The miniature's
prior is therefore trained on the prompt form of `studio generate`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lambda_studio.miniature.world.figures import PATTERNS, WORN
from lambda_studio.miniature.world.identities import COLOURS, NOTHING, NOUNS, SLOTS
from lambda_studio.miniature.world.places import PLACES
from lambda_studio.miniature.world.scenes import RELATIONS, Scene

_COLOUR_NAMES = tuple(COLOURS)
_WORN_NAMES = tuple(WORN)
PLACE_PHRASES: dict[str, tuple[str, ...]] = {
    "beach": ("on the beach", "on a sandy beach", "with the sea in the background"),
    "meadow": ("in a meadow", "on green grass with flowers around it", "with a green hill in the background"),
    "snow": ("in the snow", "on a snowy day", "with a snowy mountain in the background"),
    "city": ("in the city", "on a city street", "with a city in the background"),
    "desert": ("in the desert", "on a sand dune at sunset", "with a desert in the background"),
    "forest": ("in the forest", "among the trees", "with a forest in the background"),
    "room": ("in a room", "on a wooden floor", "with a window in the background"),
    "moon": ("on the moon", "in space", "with the earth in the background"),
}
OPENINGS = ("", "", "", "a photo of ", "a picture of ")


@dataclass(frozen=True, kw_only=True)
class Caption:
    """A prompt template and the noun of each name (`s0 s1 s2`: subjects, `w0 w1 w2`: the things that they wear)."""

    template: str
    nouns: dict[str, str]

    @property
    def text(self) -> str:
        """Return the caption as plain words."""
        words = self.template
        for name, noun in self.nouns.items():
            words = words.replace(f"<{name}>", noun)
        return words


class _Dice:
    """A source of cheap seeded draws: one row of uniform numbers, used one by one."""

    def __init__(self, numbers: list[float]):
        self.numbers = iter(numbers)

    def chance(self, share: float) -> bool:
        return next(self.numbers) < share

    def pick(self, options: tuple[str, ...]) -> str:
        return options[int(next(self.numbers) * len(options))]


def a(words: str) -> str:
    """Return the words with their article."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _look(main: str, second: str, pattern: str, dice: _Dice, both: bool) -> str:
    """Return the adjectives of an identity. A plain one also has a second colour, on ears or handles."""
    kind = "" if pattern == "plain" else f"{pattern} "
    if both:
        return f"{main} and {second} {kind}"
    return f"{main} {kind}" if dice.chance(0.6) else f"{main} "


def _subject(scene: Scene, row: int, slot: int, dice: _Dice, attributes: float) -> tuple[str, dict[str, str]]:
    who, noun = scene.who, int(scene.who.noun[row, slot])
    look = ""
    if dice.chance(attributes):
        names = (
            _COLOUR_NAMES[who.main[row, slot]],
            _COLOUR_NAMES[who.second[row, slot]],
            PATTERNS[who.pattern[row, slot]],
        )
        thing = noun >= len(NOUNS) - len(WORN)
        look = f"{names[0]} " if thing else _look(*names, dice, both=dice.chance(0.6))
    words, nouns = f"{look}<s{slot}>", {f"s{slot}": NOUNS[noun]}
    phrase = a(words) if look else f"{a(NOUNS[noun]).split()[0]} {words}"
    worn = int(scene.worn[row, slot])
    if worn != NOTHING:
        colour = f"{_COLOUR_NAMES[scene.worn_colour[row, slot]]} " if dice.chance(attributes) else ""
        kind = _WORN_NAMES[worn]
        verb = "holding" if kind == "balloon" else "wearing"
        article = "" if kind == "glasses" else ("an " if colour.startswith("o") else "a ")
        phrase += f" {verb} {article}{colour}<w{slot}>"
        nouns[f"w{slot}"] = kind
    return phrase, nouns


def caption(scene: Scene, row: int, dice: Tensor, attributes: float = 0.5, places: float = 0.92) -> Caption:
    """Write the caption of one scene of a batch.

    Args:
        scene: The batch.
        row: The scene's row in the batch.
        dice: At least 32 uniform numbers.
        attributes: The probability that the caption mentions a thing's looks.
        places: The probability that the caption mentions the place.
    """
    rolls, relation = _Dice(dice.tolist()), RELATIONS[scene.relation[row]]
    phrases: list[str] = []
    nouns: dict[str, str] = {}
    for slot in range(SLOTS):
        if scene.who.noun[row, slot] != NOTHING:
            phrase, named = _subject(scene, row, slot, rolls, attributes)
            phrases.append(phrase)
            nouns |= named
    if relation == "three":
        words = f"{phrases[0]}, {phrases[1]} and {phrases[2]}"
    elif relation == "beside":
        words = rolls.pick((" beside ", " and ", " next to ")).join(phrases)
    else:
        words = f" {relation} ".join(phrases)
    if rolls.chance(places):
        words = f"{words} {rolls.pick(PLACE_PHRASES[tuple(PLACES)[scene.place[row]]])}"
    return Caption(template=rolls.pick(OPENINGS) + words, nouns=nouns)


def captions(scene: Scene, generator: torch.Generator, attributes: float = 0.5, places: float = 0.92) -> list[Caption]:
    """Write a caption for each scene of the batch."""
    dice = torch.rand(len(scene), 48, generator=generator)
    return [caption(scene, row, dice[row], attributes, places) for row in range(len(scene))]
