"""What each metric of a report measures, in a line."""

from collections.abc import Iterable

BY_START = {
    "dino": "likeness: cosine similarity of a picture with its subject's photographs, by the network DINO",
    "clip-i": "likeness: cosine similarity of a picture with its subject's photographs, by CLIP",
    "clip-t": "composition: cosine similarity of a picture with the text of its prompt, by CLIP",
    "identity": "likeness: cosine similarity of a picture with its subject's photographs, by the miniature's oracle",
    "oracle": "composition: the oracle's mean probability of what the prompt asks for",
}
"""By the first letters of a metric's name, in small letters. More is better by each of them."""


def explained(metrics: Iterable[str]) -> list[tuple[str, str]]:
    """Return each known metric with what it measures."""
    known = ((name, next((said for start, said in BY_START.items() if name.lower().startswith(start)), None))
             for name in metrics)  # fmt: skip
    return [(name, said) for name, said in known if said]
