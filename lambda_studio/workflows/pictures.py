"""`studio.pictures`: files of prompts, pictures again, ways between prompts, sheets and animations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from lambda_studio.config import GenerateConfig, Wanted
from lambda_studio.settings.pictures import GivenPictures
from lambda_studio.workflows.answers.pictures import Drawn, DrawnAgain, Interpolated, Reconstructed
from lambda_studio.workflows.workplace import Workplace


class Pictures:
    """Drawing with the library's concepts, beside `Studio.generate`."""

    def __init__(self, workplace: Workplace):
        self._place = workplace

    def again(
        self,
        picture: Path,
        config: GenerateConfig | None = None,
        *,
        count: int = 1,
        adapter: Wanted | None = None,
        out: Path = Path("outputs"),
        **given: Unpack[GivenPictures],
    ) -> DrawnAgain:
        """Draw a picture again from its own texts, with the concepts' versions of then, and say what has changed.

        Args:
            picture: a PNG that `Studio.generate` wrote.
            config: fields that were given replace the picture's.
            count: more pictures take the seeds after the picture's.
            adapter: None is the picture's.
            given: the picture files that it was given: edges, from_image, mask, depth.

        Raises:
            ImageRefused, PromptInvalid, AdapterNotFound, InvalidSetting, and the errors of model loading.
        """
        from lambda_studio.workflows.drawing.again import draw_again
        from lambda_studio.workflows.drawing.asking.preparing import Drawing

        wishes = Drawing(prompt="", config=config or GenerateConfig(), count=count, out=out, **given)
        return draw_again(self._place, picture, wishes, adapter)

    def interpolate(
        self,
        prompts: Sequence[str],
        config: GenerateConfig | None = None,
        *,
        frames: int = 9,
        spherical: bool = False,
        adapter: Wanted = "auto",
        out: Path = Path("outputs"),
    ) -> Interpolated:
        """Draw the way between two prompts, or a square between four, from one noise (λ-ECLIPSE, Figure 7).

        Args:
            prompts: two ends, or four corners: top left, top right, bottom left, bottom right.
            frames: the number of pictures of a line, or of a row and of a column of the square.
            spherical: turn the embedding evenly, in place of the straight way.

        Raises as `Studio.generate`.
        """
        from lambda_studio.workflows.drawing.asking.preparing import Drawing
        from lambda_studio.workflows.drawing.interpolating import interpolate

        wishes = Drawing(prompt="", config=config or GenerateConfig(), adapter=adapter, out=out)
        return interpolate(self._place, prompts, frames, spherical, wishes)

    @staticmethod
    def require_animation(out: Path, seconds: float) -> None:
        """Raise as `animate` for a wrong name or length, before the pictures are drawn."""
        from lambda_studio.pictures.animation import require_animation

        require_animation(out, seconds)

    @staticmethod
    def animate(found: Interpolated, out: Path, seconds: float = 3.0) -> Interpolated:
        """Write an interpolation as a .webp, .gif or .mp4, there and back, in so many seconds for one way.

        Return the answer with the animation's path. Raises InvalidSetting for another suffix, and OutputExists.
        """
        from lambda_studio.workflows.drawing.interpolating import animate

        return animate(found, out, seconds)

    def reconstruct(
        self,
        source: str,
        config: GenerateConfig | None = None,
        *,
        count: int = 1,
        edges: bool = False,
        adapter: Wanted = "none",
        out: Path = Path("outputs"),
    ) -> Reconstructed:
        """Draw the embedding of a picture file or of a concept, to see what it keeps (λ-ECLIPSE, Figure 3).

        Args:
            source: a picture file, or the name of a concept.
            edges: draw the embedding of the file's edges.

        Raises:
            ImageRefused, ConceptNotFound, InvalidSetting, AdapterNotFound, and the errors of model loading.
        """
        from lambda_studio.workflows.drawing.asking.preparing import Drawing
        from lambda_studio.workflows.drawing.reconstructing import reconstruct

        wishes = Drawing(prompt="", config=config or GenerateConfig(), count=count, adapter=adapter, out=out)
        return reconstruct(self._place, source, edges, wishes)

    @staticmethod
    def require_sheet(out: Path) -> None:
        """Raise InvalidSetting, OutputExists or PermissionError if `sheet` cannot write there, before the drawing."""
        from lambda_studio.pictures.outputs import require_sheet

        require_sheet(out)

    @staticmethod
    def sheet(drawn: Sequence[Drawn], out: Path) -> Path:
        """Write all pictures of these answers on one sheet, under a free name, and return its path."""
        from lambda_studio.workflows.drawing.sheets import write_sheet

        return write_sheet(drawn, out)

    @staticmethod
    def has_wildcards(prompt: str) -> bool:
        """Return whether a prompt has wildcards, so that it is drawn once for each concept. Raises PromptInvalid."""
        from lambda_studio.generation.template import parse

        return bool(parse(prompt).wildcards)

    def of_file(
        self,
        lines: Path | str | bytes,
        config: GenerateConfig | None = None,
        *,
        count: int = 1,
        adapter: Wanted = "auto",
        out: Path = Path("outputs"),
        **given: Unpack[GivenPictures],
    ) -> list[Drawn]:
        """Draw the prompts of a file (a path), of its bytes or of its text, one a line, as `Studio.generate_all`.

        A line may end with settings of its own, as in kohya's scripts: `--n` negative prompt, `--w` and `--h` size,
        `--d` seed, `--l` guidance, `--s` steps. Lines that begin with # are comments.
        """
        from lambda_studio.workflows.drawing.asking.lines import drawings_of
        from lambda_studio.workflows.drawing.asking.preparing import Drawing
        from lambda_studio.workflows.drawing.generate import generate_all

        chosen = config or GenerateConfig()
        wishes = Drawing(prompt="", config=chosen, count=count, adapter=adapter, out=out, **given)
        return generate_all(self._place, drawings_of(lines, wishes))

    def of_line(
        self,
        line: str,
        config: GenerateConfig | None = None,
        *,
        count: int = 1,
        adapter: Wanted = "auto",
        out: Path = Path("outputs"),
        number: int | None = None,
        **given: Unpack[GivenPictures],
    ) -> list[Drawn]:
        """Draw one prompt with settings behind it, as those of `of_file`. A wildcard has an answer for each concept.

        Args:
            number: the line's number in an input of several lines, which errors name.
            given: picture files, as of `Studio.generate`.

        Raises as `Studio.generate`.
        """
        from lambda_studio.workflows.drawing.asking.lines import drawing_of
        from lambda_studio.workflows.drawing.asking.preparing import Drawing
        from lambda_studio.workflows.drawing.generate import generate_all

        chosen = config or GenerateConfig()
        wishes = Drawing(prompt="", config=chosen, count=count, adapter=adapter, out=out, **given)
        return generate_all(self._place, [drawing_of(line, wishes, number)])

    def require_given(self, config: GenerateConfig, **given: Unpack[GivenPictures]) -> None:
        """Raise InvalidSetting or ImageRefused if picture files and their settings fit no prompt. Nothing is drawn."""
        from lambda_studio.workflows.drawing.asking.preparing import Drawing, require_given

        require_given(self._place, Drawing(prompt="", config=config, **given))
