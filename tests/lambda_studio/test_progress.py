"""Work that tells nobody how far it is."""

import pytest

from lambda_studio.progress import Advance, Progress, silent, unheard


def test_silence_is_a_progress_like_any_other(capsys) -> None:
    assert isinstance(silent, Progress)
    with silent("Encoding rex", total=2) as advance:
        assert isinstance(advance, Advance)
        advance()
        advance(2, note="loss 0.1")
    unheard("a notice")
    assert capsys.readouterr() == ("", "")


def test_silence_swallows_no_error() -> None:
    with pytest.raises(KeyError, match="rex"), silent("Encoding rex", total=1):
        raise KeyError("rex")
