"""What a layout found in a tree: subjects, and why other files are left aside or cannot be used."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lambda_studio.bundles.layouts.files.kinds import OTHERS, UNNAMED, has_picture, is_foreign, kind_of, unusable
from lambda_studio.bundles.layouts.files.masks import Masks
from lambda_studio.bundles.layouts.files.tree import Folder, Tree, natural
from lambda_studio.bundles.layouts.nouns import GuessedNoun, has_name
from lambda_studio.bundles.layouts.plan import Fault, LeftAside, Plan, PlannedPicture, PlannedSubject
from lambda_studio.pictures.files.captions import caption_file

CANNOT_OPEN = "is a {} picture, which cannot be opened here"


@dataclass
class Finding:
    """Collects what is found in a tree. Every file that no layout took ends up among the files left aside."""

    tree: Tree
    masks: Masks
    layout: str = ""
    subjects: list[PlannedSubject] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    aside: dict[Path, str] = field(default_factory=dict)
    beside: list[Folder] = field(default_factory=list)
    """Folders of the current folder that a list names."""
    _taken: set[Path] = field(default_factory=set)

    def has_pictures(self, folder: Folder) -> bool:
        """Return whether a folder has files of a subject, at any depth, also ones that cannot be opened."""
        return any(self._is_subjects(file) for file in folder.every_file())

    def has_own_pictures(self, folder: Folder) -> bool:
        """Return whether files of a subject lie directly in a folder."""
        return any(map(self._is_subjects, folder.files))

    def _is_subjects(self, file: Path) -> bool:
        return self.masks.is_subject(file) or is_foreign(file)

    def take(
        self, name: str, noun: GuessedNoun, files: Iterable[Path], folder: Path, notes: Sequence[str] = ()
    ) -> None:
        """Add a subject of the pictures among the files. Files that cannot be opened, or are empty, are faults."""
        pictures = []
        for file in files:
            if self._is_subjects(file) and file not in self._taken:
                self._taken.add(file)
                if fault := self._fault(file):
                    self.faults.append(fault)
                else:
                    pictures.append(self._picture(file))
        where = self.tree.shown(folder)
        subject = PlannedSubject(name, noun.noun, noun.source, where, tuple(pictures), tuple(notes), noun.is_guess)
        self.subjects.append(replace(subject, may_be_name=has_name(noun.noun or "")))

    def put_aside(self, folder: Folder, why: str) -> None:
        """Leave all pictures of a folder aside, for one reason."""
        self.aside.update({file: why for file in folder.every_file() if self._is_subjects(file)})

    def plan(self, source: str) -> Plan:
        """Return the plan, with every file of the tree accounted for."""
        faults = (*self.tree.faults, *self.faults)
        return Plan(source, self.layout, tuple(self.subjects), tuple(self._left_aside()), faults)

    def _fault(self, file: Path) -> Fault | None:
        if is_foreign(file):
            return Fault(self.tree.shown(file), CANNOT_OPEN.format(file.suffix.lower().strip(".").upper()))
        why = unusable(file)
        return Fault(self.tree.shown(file), why) if why else None

    def _picture(self, file: Path) -> PlannedPicture:
        mask = self.masks.of.get(file)
        if mask is not None:
            self._taken.add(mask)
        caption = caption_file(file)
        said = self.tree.shown(caption) if caption.is_file() else None
        if said is not None:
            self._taken.add(caption)
        return PlannedPicture(self.tree.shown(file), None if mask is None else self.tree.shown(mask), said)

    def _left_aside(self) -> list[LeftAside]:
        """Return the files that no subject has, by folder and reason."""
        files = (file for top in (self.tree.top, *self.beside) for file in top.every_file())
        reasons = {file: self._why(file) for file in files if file not in self._taken}
        together: dict[tuple[str, str], list[str]] = {}
        for file, why in {**reasons, **self.tree.odd}.items():
            together.setdefault((self.tree.shown(file.parent), why), []).append(file.name)
        ordered = sorted(together.items(), key=lambda each: natural(each[0][0]))
        return [LeftAside(folder, tuple(files), why) for (folder, why), files in ordered]

    def _why(self, file: Path) -> str:
        if file in self.masks.of.values():
            return self.aside.get(file, "masks of pictures that are left aside")
        why = self.aside.get(file) or self.masks.others.get(file) or kind_of(file)
        return UNNAMED if why == OTHERS and has_picture(file) else why
