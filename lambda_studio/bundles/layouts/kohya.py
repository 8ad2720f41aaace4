"""kohya's folders: REPEATS_NAME or REPEATS_NAME NOUN, in a project with `img/` and `reg/`."""

import re
from dataclasses import dataclass

from lambda_studio.bundles.layouts.files.tree import Folder
from lambda_studio.bundles.layouts.finding import Finding
from lambda_studio.bundles.layouts.nouns import GuessedNoun, is_cameras, is_rare, why_no_noun
from lambda_studio.bundles.layouts.plan import Fault

REGULARISATION = "regularisation pictures, which are of no subject"
_REPEATS = re.compile(r"\d{1,3}_(?P<name>\S+)?(?:\s+(?P<noun>.+))?")
_BLANK = re.compile(r"\d{1,3}\s+(?P<name>\S+)\s+(?P<noun>.+)")
_REG = re.compile(r"reg|regs|reg[ _-]?(?:images?|data)|regulari[sz]ation.*|class[ _-]?(?:images?|data)", re.IGNORECASE)


@dataclass(frozen=True)
class Named:
    """A folder with what its name says after the repeats."""

    folder: Folder
    name: str
    noun: str | None


def is_kohyas(folder: Folder) -> bool:
    """Return whether a folder's name begins with kohya's repeats, and is not a camera's, as `100_PANA`."""
    return bool(_REPEATS.fullmatch(folder.name)) and not is_cameras(folder.name)


def is_regularisation(name: str) -> bool:
    """Return whether a folder's name says that its pictures are of a class, and of no subject."""
    return bool(_REG.fullmatch(name))


def take_kohyas(found: Finding, folders: list[Folder]) -> list[Folder]:
    """Take the subjects of kohya's folders; folders of one name are one subject. Return the other folders."""
    theirs = [each for each in folders if is_kohyas(each) or _BLANK.fullmatch(each.name)]
    named = [each for folder in theirs if (each := _named(found, folder))]
    classes = {each.noun.casefold() for each in named if each.noun}
    together: dict[str, list[Named]] = {}
    for each in named:
        if _is_of_class(each, classes):
            found.put_aside(each.folder, REGULARISATION)
        else:
            together.setdefault(each.name.casefold(), []).append(each)
    for several in together.values():
        _take(found, several)
    return [folder for folder in folders if folder not in theirs]


def _named(found: Finding, folder: Folder) -> Named | None:
    if not (match := _REPEATS.fullmatch(folder.name) or _BLANK.fullmatch(folder.name)):
        return None
    if match["name"] is None and match["noun"] is None:
        found.put_aside(folder, "a folder without a name")
        where = found.tree.shown(folder.path)
        found.faults.append(Fault(where, "has no name after its repeats", "Rename the folder: REPEATS_NAME NOUN."))
        return None
    return Named(folder, match["name"] or match["noun"], match["noun"] if match["name"] else None)


def _is_of_class(each: Named, classes: set[str]) -> bool:
    """Return whether a folder has regularisation pictures: its name is a class of other folders, or ends in `reg`."""
    words = re.split(r"[_ -]", (each.name + " " + (each.noun or "")).casefold().strip())
    marked = len(words) > 1 and is_regularisation(words[-1])
    return marked or (each.noun is None and each.name.casefold() in classes)


def _take(found: Finding, several: list[Named]) -> None:
    first = several[0]
    noun = _noun(first)
    others = {each.noun for each in several if each.noun} - {first.noun}
    if others:
        told = ", ".join(sorted(repr(each) for each in (*others, first.noun or first.name)))
        noun = GuessedNoun(None, f"its folders say {told}")
    notes = []
    if len(several) > 1:
        notes.append("one subject of the folders " + ", ".join(each.folder.name for each in several))
    files = [file for each in several for file in each.folder.every_file()]
    found.take(first.name, noun, files, first.folder.path, notes)


def _noun(named: Named) -> GuessedNoun:
    """Return what the name says after the repeats: `10_rex dog` -> `dog`, `10_cat` -> `cat`."""
    text = named.noun or named.name
    why = why_no_noun(text)
    if why is None and named.noun is None and ("_" in text or is_rare(text)):
        why = "is one word for name and noun"
    if why:
        return GuessedNoun(None, f"{text!r} {why}")
    return GuessedNoun(text, f"kohya's folder {named.folder.name!r}")
