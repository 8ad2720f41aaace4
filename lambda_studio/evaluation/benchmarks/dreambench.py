"""DreamBench (DreamBooth, section 4.1): 30 subjects, 25 prompts for each, read from its authors' file.

The file is text for people, with two lists in Python's notation. Nothing in it is evaluated.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lambda_studio.bundles.layouts.dreambench import classes_in

LIVE = frozenset({"cat", "dog"})
"""The classes whose subjects get the prompts for live subjects. The file does not say it."""
SUBJECTS, PROMPTS = 30, 25
"""The published numbers of subjects, and of prompts for each."""
HEADINGS = ("Object Prompts", "Live Subject Prompts")
MOST = 1000
"""The most subjects, and the most prompts of a list, that are read."""
LONGEST = 300
"""The most characters of a prompt or noun."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
"""A subject's name, which is also the name of folders."""
_QUOTED = re.compile(r"""\s*(?P<quote>['"])(?P<prompt>.*?)(?P=quote)\s*\.\s*format\s*\(""")
_SUBJECT = "{0} {1}"
"""The place of the unique token and the class."""

KOSMOS_G: Mapping[str, str] = {
    "backpack": "02", "backpack_dog": "02", "bear_plushie": "03", "berry_bowl": "02", "can": "01", "candle": "02",
    "cat": "04", "cat2": "02", "clock": "03", "colorful_sneaker": "01", "dog": "02", "dog2": "02", "dog3": "05",
    "dog5": "00", "dog6": "02", "dog7": "01", "dog8": "04", "duck_toy": "01", "fancy_boot": "02",
    "grey_sloth_plushie": "04", "monster_toy": "04", "pink_sunglasses": "04", "poop_emoji": "00", "rc_car": "03",
    "red_cartoon": "00", "robot_toy": "00", "shiny_sneaker": "01", "teapot": "04", "vase": "02", "wolf_plushie": "04",
}  # fmt: skip
"""The one photograph of each subject that Kosmos-G's script keeps, by its file's stem."""


@dataclass(frozen=True)
class DreamBench:
    """The subjects and prompts of a file. `{}` in a prompt stands for the subject."""

    nouns: Mapping[str, str]
    """By the subject's name."""
    objects: tuple[str, ...]
    live: tuple[str, ...]

    def prompts(self, name: str) -> tuple[str, ...]:
        """Return the prompts for a subject, by its class."""
        return self.live if self.nouns[name] in LIVE else self.objects


def read_dreambench(text: str) -> DreamBench:
    """Return the subjects and prompts of DreamBench's file. Raises ValueError, which says what is wrong."""
    nouns = classes_in(text)
    if not 0 < len(nouns) <= MOST:
        raise ValueError(f"it has {len(nouns)} subjects, not 1 to {MOST}")
    for name, noun in nouns.items():
        if not NAME.fullmatch(name):
            raise ValueError(
                f"the subject {name[:40]!r} has a name with other characters than letters, digits, _ and -"
            )
        _require_words(noun, f"the class of {name}")
    objects, live = (_prompts(text, heading) for heading in HEADINGS)
    return DreamBench(nouns, objects, live)


def _prompts(text: str, heading: str) -> tuple[str, ...]:
    """Return the prompts below a heading: the first quoted text of each line, up to the end of the list."""
    lines = [line.strip() for line in text.splitlines()]
    if heading not in lines:
        raise ValueError(f"it has no heading {heading!r}")
    found: list[str] = []
    for number, line in enumerate(lines[lines.index(heading) + 1 :], start=lines.index(heading) + 2):
        if line == "]" or line in HEADINGS:
            break
        if line and not line.startswith("prompt_list"):
            found.append(_prompt(line, number))
    if not 0 < len(found) <= MOST:
        raise ValueError(f"it has {len(found)} prompts below {heading!r}, not 1 to {MOST}")
    return tuple(found)


def _prompt(line: str, number: int) -> str:
    read = _QUOTED.match(line)
    if read is None or read["prompt"].count(_SUBJECT) != 1:
        raise ValueError(f"line {number} is no prompt with {_SUBJECT} in quotes and .format(")
    before, after = read["prompt"].split(_SUBJECT)
    words = f"{before}{{}}{after}"
    _require_words(words.replace("{}", "", 1), f"the prompt in line {number}")
    return words


def _require_words(text: str, what: str) -> None:
    plain = text.isprintable() and not re.search(r"[<>{}\\]", text)
    if not text.strip() or len(text) > LONGEST or not plain:
        raise ValueError(f"{what} is empty, longer than {LONGEST} characters, or has unusual ones")
