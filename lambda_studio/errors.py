"""The engine's errors, named by the situation.

Each error carries one line of cause, one line of remedy and an exit code; see `docs/troubleshooting.md`.
"""


class StudioError(Exception):
    """The base class of the errors of the engine and the use cases. `exit_code` is the exit code of `studio`.

    `fields` are the settings in `cause` and `remedy`. The command line replaces them by its options.
    """

    exit_code = 1
    has_lines = False
    """`cause` has several lines: each further one begins with two spaces, and foreign text in it is printable."""

    def __init__(self, cause: str, remedy: str, *fields: str):
        super().__init__(f"{cause} {remedy}")
        self.cause = cause
        self.remedy = remedy
        self.fields = fields

    @property
    def field(self) -> str | None:
        """The invalid setting, or None."""
        return self.fields[0] if self.fields else None

    def __reduce__(self) -> tuple[type["StudioError"], tuple[str, ...]]:
        return type(self), (self.cause, self.remedy, *self.fields)  # so that the error can come from another process


class InvalidSetting(StudioError):
    """A setting has an invalid value."""

    exit_code = 2


class Cancelled(StudioError):
    """Work was stopped before it had a result. The features computed so far are cached."""

    exit_code = 130


class ImageRefused(StudioError):
    """One or more image files cannot be used."""

    exit_code = 5


class DecoderNotStarted(StudioError):
    """The process that opens pictures cannot be started, so no picture was opened."""

    exit_code = 7


class MaskRefused(StudioError):
    """A mask cannot be used with its image, or no mask could be found."""

    exit_code = 5


class PicturesLeftOut(StudioError):
    """A concept was imported without its pictures, but the operation needs them."""

    exit_code = 5


class BundleRefused(StudioError):
    """A bundle or folder cannot be imported, or a bundle cannot be made."""

    exit_code = 5
    has_lines = True


class PromptInvalid(StudioError):
    """A prompt is malformed, names an unknown concept, or is too long."""

    exit_code = 5
    has_lines = True


class ModelFilesMissing(StudioError):
    """The weights or configuration of a stack are missing."""

    exit_code = 6


class ModelFilesNotFetched(ModelFilesMissing):
    """The weights of a stack are on the hub, and this operation downloads none."""


class ModelFilesInvalid(StudioError):
    """The weights of a stack or adapter do not fit the request or are damaged."""

    exit_code = 6


class TrainingDiverged(StudioError):
    """The loss became NaN or infinite; the last good checkpoint was kept."""

    exit_code = 8


class ResumeRefused(StudioError):
    """A run cannot be resumed with the given settings."""

    exit_code = 2


class RunInUse(StudioError):
    """Another process works on a run, and the operation needs the run for itself."""

    exit_code = 4


class FilesLeft(StudioError):
    """A row is deleted, and files that belong to it could not be."""

    exit_code = 7


class OutputExists(StudioError):
    """The file or folder to write already exists."""

    exit_code = 4


class CheckpointFailed(StudioError):
    """A checkpoint or adapter could not be written; earlier checkpoints are intact."""

    exit_code = 7


class QualityTooLow(StudioError):
    """Trained weights are worse than the model card of the shipped weights."""

    exit_code = 8
