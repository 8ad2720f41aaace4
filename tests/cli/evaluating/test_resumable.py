"""What a stopped evaluation says."""

import pytest

from cli.evaluating.resumable import resumable


def test_a_stop_before_there_is_a_folder_says_nothing(tmp_path, capsys) -> None:
    for made in (False, True):
        if made:
            (tmp_path / "out").mkdir()
        with pytest.raises(KeyboardInterrupt), resumable(tmp_path / "out"):
            raise KeyboardInterrupt
        assert ("Give the same command again to go on." in capsys.readouterr().err) == made
