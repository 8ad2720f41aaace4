"""How much of what was asked for CLIP finds in pictures: who is there, in which looks, wearing what, where.

CLIP reads a picture by choosing among captions that differ in one word, all else said as it was asked for. The
miniature's own CLIP does it: it has seen no generated picture, and its accuracy on rendered ones is measured beside.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from lambda_studio.miniature.captions import PLACE_PHRASES, a
from lambda_studio.miniature.figures import FIGURES, PATTERNS, WORN
from lambda_studio.miniature.world import COLOURS, NOTHING, NOUNS, Scene
from lambda_studio.models.clip import Clip

ANSWERS = ("noun", "main", "second", "pattern", "worn")
IDENTITY = ("main", "second", "pattern")
CHOICES: dict[str, tuple[str, ...]] = {
    "place": tuple(phrases[0] for phrases in PLACE_PHRASES.values()),
    "noun": tuple(FIGURES),
    "main": tuple(COLOURS),
    "second": tuple(COLOURS),
    "pattern": PATTERNS,
    "worn": ("", *WORN),
}
"""What each answer is chosen from, in the order of the world's own numbers; `worn` begins with nothing."""


@dataclass(frozen=True)
class Marks:
    """For each picture, and each of its subjects, the probability that CLIP gives the right answer, and whether it is
    the first choice. `place` has one column; subjects are padded with NaN and false, `worn` too where nothing is worn.
    """

    probability: dict[str, Float[Tensor, "picture slot"]]
    first: dict[str, Bool[Tensor, "picture slot"]]

    def share(self, answer: str) -> float:
        """The share of right answers."""
        asked = ~self.probability[answer].isnan()
        return self.first[answer][asked].float().mean().item()

    def every(self, *answers: str) -> float:
        """The share of pictures of which all these answers are right for every subject."""
        right = [(self.first[name] | self.probability[name].isnan()).all(1) for name in answers]
        return torch.stack(right).all(0).float().mean().item()

    def identity(self) -> float:
        """The mean probability of the subjects' true colours and pattern (geometric over the three), in 0..1."""
        logs = torch.stack([self.probability[name].log() for name in IDENTITY]).mean(0)
        return logs.exp().nanmean().item()


class Reader:
    """A CLIP with both towers, reading pictures of the miniature's world. Captions are encoded once."""

    def __init__(self, clip: Clip):
        self.clip, self._texts = clip, dict[str, Tensor]()

    def mark(self, images: Float[Tensor, "picture 3 height width"], scene: Scene) -> Marks:
        """Read pictures and compare them with the scenes that were asked for."""
        embeds = F.normalize(self.clip.encode_pixels(images), dim=-1)
        scale = self.clip.model.logit_scale.exp().clamp_max(100).item()
        slots = scene.who.noun.shape[1]
        shape = {name: (len(scene), 1 if name == "place" else slots) for name in CHOICES}
        probability = {name: torch.full(shape[name], torch.nan) for name in CHOICES}
        first = {name: torch.zeros(shape[name], dtype=torch.bool) for name in CHOICES}
        for row in range(len(scene)):
            for slot, name, truth in _questions(scene, row):
                texts = self._encode(_captions(scene, row, slot, name))
                chances = (scale * texts @ embeds[row]).softmax(0)
                probability[name][row, slot] = chances[truth]
                first[name][row, slot] = chances.argmax() == truth
        return Marks(probability, first)

    def _encode(self, captions: Sequence[str]) -> Float[Tensor, "caption dim"]:
        new = [caption for caption in dict.fromkeys(captions) if caption not in self._texts]
        if new:
            embeds = F.normalize(self.clip.encode_text(self.clip.tokenizer(new)).pooled, dim=-1)
            self._texts |= dict(zip(new, embeds, strict=True))
        return torch.stack([self._texts[caption] for caption in captions])


def _questions(scene: Scene, row: int) -> list[tuple[int, str, int]]:
    """(slot, answer, the right choice's number) of everything that is asked about one picture."""
    asked = [(0, "place", int(scene.place[row]))]
    for slot, noun in enumerate(scene.who.noun[row].tolist()):
        if noun != NOTHING:
            who = {name: int(getattr(scene.who, name)[row, slot]) for name in ("noun", *IDENTITY)}
            asked += [(slot, name, truth) for name, truth in who.items()]
            if scene.worn[row, slot] != NOTHING:
                asked.append((slot, "worn", int(scene.worn[row, slot]) + 1))
    return asked


def _captions(scene: Scene, row: int, slot: int, name: str) -> list[str]:
    """The picture in words once for each choice of one answer, the rest as it was asked for."""
    return [_words(scene, row, slot, {name: choice}) for choice in CHOICES[name]]


def _words(scene: Scene, row: int, about: int, chosen: dict[str, str]) -> str:
    present = [s for s, noun in enumerate(scene.who.noun[row].tolist()) if noun != NOTHING]
    subjects = [_subject(scene, row, slot, chosen if slot == about else {}) for slot in present]
    place = chosen.get("place", CHOICES["place"][scene.place[row]])
    return f"{' beside '.join(subjects)} {place}"


def _subject(scene: Scene, row: int, slot: int, chosen: dict[str, str]) -> str:
    who = scene.who
    main, second, pattern = (chosen.get(name, CHOICES[name][getattr(who, name)[row, slot]]) for name in IDENTITY)
    looks = (
        f"{main} and {second} {'' if pattern == 'plain' else pattern + ' '}" if chosen.keys() & set(IDENTITY) else ""
    )
    words = a(f"{looks}{chosen.get('noun', NOUNS[who.noun[row, slot]])}")
    worn = chosen.get("worn", CHOICES["worn"][scene.worn[row, slot] + 1])
    if worn:
        words += f" {'holding' if worn == 'balloon' else 'wearing'} {worn if worn == 'glasses' else a(worn)}"
    return words
