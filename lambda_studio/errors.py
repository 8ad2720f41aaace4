"""Everything the engine can refuse, named by the situation.

Each error carries one line of cause and one line of remedy, and the exit code that the README lists.
"""


class StudioError(Exception):
    """The root of what the engine and the use cases raise. `exit_code` is what `studio` ends with.

    `fields` are the settings that `cause` and `remedy` name; the command line writes its options in their place.
    """

    exit_code = 1

    def __init__(self, cause: str, remedy: str, *fields: str):
        super().__init__(f"{cause} {remedy}")
        self.cause = cause
        self.remedy = remedy
        self.fields = fields

    @property
    def field(self) -> str | None:
        """The setting that is at fault, where there is one."""
        return self.fields[0] if self.fields else None

    def __reduce__(self) -> tuple[type["StudioError"], tuple[str, ...]]:
        return type(self), (self.cause, self.remedy, *self.fields)  # so that it can come from another process


class InvalidSetting(StudioError):
    """A setting has a value that it cannot have."""

    exit_code = 2


class Cancelled(StudioError):
    """Work was asked to stop before it had anything to keep; what was computed by then is cached."""

    exit_code = 130


class ImageRefused(StudioError):
    """One or more image files cannot be used."""

    exit_code = 5


class DecoderNotStarted(StudioError):
    """The process that opens pictures cannot be started, so no picture was looked at."""

    exit_code = 7


class MaskRefused(StudioError):
    """A mask cannot be used with its image, or none could be found."""

    exit_code = 5


class PicturesLeftOut(StudioError):
    """A concept came without its pictures, and what was asked for needs them."""

    exit_code = 5


class BundleRefused(StudioError):
    """A bundle or folder cannot be imported, or a bundle cannot be made."""

    exit_code = 5


class PromptInvalid(StudioError):
    """A prompt cannot be read, names something unknown, or is too long."""

    exit_code = 5


class ModelFilesMissing(StudioError):
    """The weights or configuration of a stack are not where they should be."""

    exit_code = 6


class ModelFilesNotFetched(ModelFilesMissing):
    """The weights of a stack are on the hub, and nobody asked for them to be fetched."""


class ModelFilesInvalid(StudioError):
    """The weights of a stack or adapter are there, but are not what was asked for."""

    exit_code = 6


class TrainingDiverged(StudioError):
    """The loss is not a number any more; the last good checkpoint was kept."""

    exit_code = 8


class ResumeRefused(StudioError):
    """A run cannot be resumed with the settings that were given."""

    exit_code = 2


class OutputExists(StudioError):
    """A file or folder that would be written is already there."""

    exit_code = 4


class CheckpointFailed(StudioError):
    """A checkpoint or adapter could not be written; the checkpoints before it are whole."""

    exit_code = 7


class QualityTooLow(StudioError):
    """Weights that were trained are worse than the card of those that ship says."""

    exit_code = 8
