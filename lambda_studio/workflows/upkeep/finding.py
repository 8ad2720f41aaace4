"""One result of the doctor."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result for one checked thing. `remedy` is empty if it has no problem."""

    what: str
    said: str
    remedy: str = ""
    mendable: bool = False
    """`studio doctor --repair` or normal use corrects the problem. No data from a user is affected."""

    @property
    def whole(self) -> bool:
        """Whether the thing has no problem."""
        return not self.remedy
