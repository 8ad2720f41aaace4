"""Draw a gallery of the benchmark's subjects by name: zero-shot, not selected, each beside its references."""

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFont

from lambda_studio.config import GenerateConfig
from lambda_studio.miniature.judge.bench import PROMPTS, bench_subjects, multi_subject_prompts, write_bench
from lambda_studio.miniature.show.contact_sheet import FAINT, INK, PAPER
from lambda_studio.miniature.world.identities import NOUNS
from lambda_studio.progress import Progress, silent, unheard
from lambda_studio.studio import Studio

COLUMNS, PICTURE, REFERENCE, GAP, WORDS = 8, 128, 60, 10, 48


@dataclass(frozen=True)
class Shown:
    """A prompt that names concepts, and the first photograph of each."""

    prompt: str
    references: tuple[Path, ...]


def draw_gallery(
    count: int = 64, seed: int = 1, notify: Callable[[str], None] = unheard, progress: Progress = silent
) -> Image.Image:
    """Add the benchmark's subjects to a temporary library, draw `count` prompts in order, and show all pictures.

    The gallery uses the public use cases. The library is deleted afterwards.
    """
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "bench").mkdir()
        write_bench(place / "bench", progress)
        chosen, pictures = list(islice(_asked(place / "bench"), count)), []
        with (  # its notices are of a library that the person does not have
            Studio(place / "home", stack="miniature") as studio,
            progress("Adding subjects", len(bench_subjects())) as advance,
        ):
            for name, who in bench_subjects().items():
                photos = sorted((place / "bench" / name).glob("*.jpg"))
                studio.concepts.add(name, photos, noun=NOUNS[int(who.noun)])
                advance()
        with (
            Studio(place / "home", stack="miniature", notify=notify) as studio,
            progress("Drawing pictures", count) as advance,
        ):
            for number, asked in enumerate(chosen):
                config = GenerateConfig(seed=seed + number)
                drawn = studio.generate(asked.prompt, config, out=place / "out")
                pictures.append(drawn.pictures[0].path)
                advance()
        title = f"{count} prompts of the miniature's benchmark, zero-shot, seeds {seed} to {seed + count - 1}, unpicked"
        return _sheet(title, chosen, pictures)


def _asked(bench: Path) -> Iterator[Shown]:
    """Yield every second multi-subject prompt, then single-subject prompts, with subjects in steps of seven."""
    names = list(bench_subjects())

    def photo(name: str) -> Path:
        return bench / name / "00.jpg"

    for entry in islice(multi_subject_prompts(tuple(names)), 0, None, 2):
        words = entry["prompt"].format(*(f"<{name}>" for name in entry["subjects"]))
        yield Shown(words, tuple(map(photo, entry["subjects"])))
    for number in range(len(names) * len(PROMPTS)):
        name = names[number * 7 % len(names)]
        template = PROMPTS[number % len(PROMPTS)].text.replace("{0} {1}", "<{0}>")
        yield Shown(template.format(name), (photo(name),))


def _sheet(title: str, chosen: list[Shown], pictures: list[Path]) -> Image.Image:
    cell_width, cell_height = REFERENCE + PICTURE + 2 * GAP, PICTURE + WORDS + GAP
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (GAP + COLUMNS * cell_width, 44 + rows * cell_height), PAPER)
    pen, large, small = ImageDraw.Draw(sheet), ImageFont.load_default(20), ImageFont.load_default(12)
    pen.text((GAP, 10), title, INK, large)
    for index, (asked, picture) in enumerate(zip(chosen, pictures, strict=True)):
        x, y = GAP + index % COLUMNS * cell_width, 44 + index // COLUMNS * cell_height
        side = min(REFERENCE, PICTURE // len(asked.references) - 4)
        for row, reference in enumerate(asked.references):
            sheet.paste(_tile(reference, side), (x, y + row * (side + 4)))
        sheet.paste(_tile(picture, PICTURE), (x + REFERENCE + 4, y))
        for row, line in enumerate(textwrap.wrap(asked.prompt, 32)[:3]):
            pen.text((x, y + PICTURE + 2 + 14 * row), line, FAINT, small)
    return sheet


def _tile(path: Path, side: int) -> Image.Image:
    with Image.open(path, formats=("PNG", "JPEG")) as picture:
        return picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
