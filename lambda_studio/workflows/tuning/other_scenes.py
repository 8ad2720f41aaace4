"""The prompts that a concept is learnt from beside its name alone: other places, and things that it wears."""

PLACES = (
    "on the beach", "in the snow", "in the city", "in the forest", "in a meadow", "on the moon", "in the desert",
    "in a room",
)  # fmt: skip
DRESSES = (
    "wearing a hat", "holding a balloon", "wearing glasses", "wearing a scarf", "wearing a crown", "wearing a bow",
)  # fmt: skip


def placed(subject: str, pictures: int) -> list[str]:
    """Return prompts of a subject, such as `<rex>`: one of each place for each picture, in turns of all pictures."""
    turns = [(turn, row) for turn in range(len(PLACES)) for row in range(pictures)]
    return [f"a {subject} {PLACES[(row + turn) % len(PLACES)]}" for turn, row in turns]


def dressed(subject: str, pictures: int, each: int) -> list[str]:
    """Return `each` prompts of a subject for each picture, which go through all dresses and places in turn."""
    numbers = range(each * pictures)
    return [f"a {subject} {DRESSES[number % len(DRESSES)]} {PLACES[number % len(PLACES)]}" for number in numbers]
