"""Multibench (λ-ECLIPSE, appendix F): compositions of two and three subjects, rebuilt from its templates and counts.

The three-subject grid gives the published number of prompts and, with one correction, every count of Table 9: that
table has 130 for `can`, which also counts `candle`; it is 65. Which slots belong to which of the last three templates
is a hypothesis that no count can decide. The two-subject grid is one of several that agree with Table 9.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product

ANIMALS = ("dog", "cat", "bird", "horse", "guinea pig")
PLUSH = ("stuffed animal", "toy")
CARRIED = (*PLUSH, "backpack", "can", "candle")
LANDSCAPES = ("desert", "hill")
BUILT = ("church", "rainbow", "ruins", "tower")
HELD = ("guitar", "french horn", "vase", "robot")
THREE: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "{} with a {} and {}": (CARRIED, HELD),
    "{} is playing with {} in {}": (PLUSH, (*LANDSCAPES, "castle")),
    "{} with {} in front of {}": (PLUSH, ("castle", *BUILT)),
    "{} with a {} and a view of the {}": (CARRIED, LANDSCAPES),
    "{} with a {} and {} in the background": (CARRIED, (*LANDSCAPES, "castle", *BUILT)),
}
"""The second and third slot of each template. The first one is an animal."""
CONJUNCTIVE = tuple(
    f"{{}} and {{}} {where}"
    for where in (
        "playing in the garden", "on top of the mountain", "in the jungle", "in the snow", "on the beach",
        "on a cobblestone street", "standing next to each other",
    )
)  # fmt: skip
"""The templates of two animals."""
CHASING = "{} chasing a {}"
NOT_CHASING = frozenset({("horse", "bird"), ("horse", "cat"), ("guinea pig", "dog")})
"""Three of the 20 ordered pairs are missing by the counts. Which ones is a guess."""
WITH_OBJECTS: Mapping[str, tuple[str, ...]] = {
    "{} in the {}": ("park", "desert", "castle", "ruins"),
    "{} wearing a {}": ("glasses", "hat"),
    "{} looking at a {}": ("tower", "rainbow", "candle"),
    "{} is sitting on a {}": ("boat", "backpack"),
    "{} standing on a {}": ("tower", "ruins"),
}
"""The objects of each template with one animal: a guess that fits the counts."""
LEFT_OUT = frozenset({
    ("{} is sitting on a {}", "horse", "backpack"), ("{} is sitting on a {}", "guinea pig", "backpack"),
    ("{} in the {}", "guinea pig", "park"), ("{} in the {}", "guinea pig", "desert"),
    ("{} standing on a {}", "horse", "ruins"),
})  # fmt: skip
"""Compositions with objects that are missing by the counts. Which ones is a guess."""
KNOWN = {
    "dog": ("dog", "dog2", "dog3", "dog5", "dog6", "dog7", "dog8"),
    "cat": ("cat", "cat2"),
    "stuffed animal": ("bear_plushie", "grey_sloth_plushie", "wolf_plushie"),
    "toy": ("duck_toy",),
}
"""The subjects of categories with several, or with another name than their own. 1,476 prompts need four of DreamBench's
eight plushies and toys; which ones is not published, and these are one choice."""


@dataclass(frozen=True)
class Composition:
    """A template, and the category in each of its slots."""

    template: str
    categories: tuple[str, ...]

    @property
    def text(self) -> str:
        """The prompt with the categories as its nouns."""
        return self.template.format(*self.categories)


@dataclass(frozen=True)
class MultibenchPrompt:
    """A composition with a subject in each slot."""

    number: int
    """The number of its composition, from 1."""
    composition: Composition
    subjects: tuple[str, ...]


def three_subjects() -> tuple[Composition, ...]:
    """Return the 405 compositions of three subjects."""
    return tuple(
        Composition(template, (animal, *rest))
        for template, slots in THREE.items()
        for animal in ANIMALS
        for rest in product(*slots)
    )


def two_subjects() -> tuple[Composition, ...]:
    """Return 217 compositions of two subjects: a reconstruction, see the module."""
    pairs = [(template, pair) for template in CONJUNCTIVE for pair in permutations(ANIMALS, 2)]
    pairs += [(CHASING, pair) for pair in permutations(ANIMALS, 2) if pair not in NOT_CHASING]
    pairs += [
        (template, (animal, thing))
        for template, things in WITH_OBJECTS.items()
        for animal, thing in product(ANIMALS, things)
        if (template, animal, thing) not in LEFT_OUT
    ]
    return tuple(Composition(template, categories) for template, categories in pairs)


def compositions(together: int) -> tuple[Composition, ...]:
    """Return the compositions of two or of three subjects."""
    return {2: two_subjects, 3: three_subjects}[together]()


def occurrences(found: Sequence[Composition]) -> dict[str, int]:
    """Return how often each category is in compositions, in the order of its first one: Table 9."""
    return dict(Counter(category for each in found for category in each.categories))


def categories() -> tuple[str, ...]:
    """Return the categories of all compositions."""
    return tuple(occurrences([*three_subjects(), *two_subjects()]))


def published_subjects(category: str) -> tuple[str, ...]:
    """Return the names of a category's subjects, as many as the published numbers of prompts need."""
    return KNOWN.get(category, (category.replace(" ", "_"),))


def chosen(category: str, there: Sequence[str]) -> tuple[str, ...]:
    """Return which subjects of a category to use, so that there are no more than in the published set.

    Those with the published names come first.
    """
    names = published_subjects(category)
    ordered = [name for name in names if name in there] + [name for name in there if name not in names]
    return tuple(ordered[: len(names)])


def prompts(found: Sequence[Composition], subjects: Mapping[str, Sequence[str]]) -> Iterator[MultibenchPrompt]:
    """Yield each composition with every choice of subjects. One without a subject for a slot is left out.

    Args:
        subjects: the names of each category's subjects.
    """
    for number, each in enumerate(found, start=1):
        for names in product(*(subjects.get(category, ()) for category in each.categories)):
            yield MultibenchPrompt(number, each, names)
