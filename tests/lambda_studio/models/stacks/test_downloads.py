"""Downloads are announced once, asked for without a GPU only, and refused by name."""

import pytest

from lambda_studio.errors import ModelFilesNotFetched
from lambda_studio.models.stacks.downloads import Downloads
from lambda_studio.models.stacks.specification import BUILT_IN
from lambda_studio.progress import unheard

SPEC = BUILT_IN["kandinsky-2.2"]


def disagree(question: str) -> None:
    raise InterruptedError(question)


def test_a_download_is_announced_once_and_with_a_gpu_nobody_is_asked() -> None:
    told: list[str] = []
    downloads = Downloads(SPEC, False, told.append, disagree)
    for _ in range(2):
        downloads.announce()
    assert len(told) == 1 and "11.9 GB" in told[0] and "Apache-2.0" in told[0]


def test_without_a_gpu_it_is_asked_again_until_somebody_agrees() -> None:
    asked: list[str] = []
    downloads = Downloads(SPEC, True, unheard, disagree)
    for _ in range(2):
        with pytest.raises(InterruptedError, match=r"no GPU.*Download kandinsky-2\.2 anyway"):
            downloads.announce()
    agreed = Downloads(SPEC, True, unheard, asked.append)
    for _ in range(2):
        agreed.announce()
    assert len(asked) == 1


def test_a_refusal_names_the_stack_and_what_downloads_it() -> None:
    with pytest.raises(ModelFilesNotFetched, match=r"kandinsky-2\.2 is not.*11\.9 GB.*first command that draws"):
        Downloads(SPEC, False, unheard, unheard).refuse()
