"""The comparisons with code that nobody here wrote. The official repository is the user's, so it is not here."""

import runpy
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
SCRIPT = """
def main():
    for step in range(3):
        with accumulate(unet):
            latents = encode()
            noise = torch.randn_like(latents)
            timesteps = torch.zeros(len(latents)).long()
            pred = unet(noise_scheduler(latents, noise))
            if args.snr_gamma is None:
                loss = (pred - noise).pow(2).mean()
            else:
                loss = None
            backward(loss)
"""


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the official files' names, and a script with a loss in its middle."""
    from conformity import official

    for name in (official.PRIOR, official.PIPELINE, official.SCRIPT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(SCRIPT)
    return tmp_path


def test_a_case_counts_as_equal_only_to_the_last_bit() -> None:
    from conformity.row import Row

    row = Row("x", "y", 1e-6)
    assert not row.passes  # no case shows nothing
    row.compare(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0]))
    assert (row.cases, row.equal, row.largest, row.passes) == (1, 1, 0.0, True)
    row.compare(torch.tensor([1.0, 2.0 + 4e-6]), torch.tensor([1.0, 2.0]))
    assert (row.cases, row.equal, row.passes) == (2, 1, False)
    assert row.largest == pytest.approx(2e-6, rel=0.2)
    with pytest.raises(ValueError, match=r"x: \(2,\) of ours, \(1,\) of theirs"):
        row.compare(torch.zeros(2), torch.zeros(1))


def test_the_scripts_own_lines_are_run_from_the_noise_to_the_loss(checkout: Path) -> None:
    from conformity.official import loss_lines

    names = {"torch": torch, "args": Namespace(snr_gamma=None), "latents": torch.zeros(2, 3)}
    names |= {"unet": lambda noisy: 3 * noisy, "noise_scheduler": lambda latents, noise: noise}
    exec(loss_lines(checkout), names)
    assert names["loss"].item() == pytest.approx(4 * names["noise"].pow(2).mean().item())
    assert names["timesteps"].tolist() == [0, 0]


def test_a_changed_script_and_another_folder_are_told(checkout: Path, tmp_path: Path) -> None:
    from conformity import official

    (checkout / official.SCRIPT).write_text("def main(): pass\n")
    with pytest.raises(SystemExit, match="no longer has the lines"):
        official.loss_lines(checkout)
    with pytest.raises(SystemExit, match=r"git clone https://github\.com/eclipse-t2i/lambda-eclipse-inference"):
        official.require_checkout(tmp_path / "nowhere")


@pytest.mark.parametrize(("limit", "code"), [(1e-5, 0), (-1.0, 1)])
def test_what_needs_no_checkout_is_compared_and_a_difference_is_the_exit_code(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], limit: float, code: int
) -> None:
    from conformity import comparisons

    def two(folder: Path, work: Path) -> list:
        rows = comparisons.sampler(folder, work)
        rows[0].limit = limit
        return rows

    monkeypatch.setitem(comparisons.ALL, "sampler", two)
    monkeypatch.setattr(
        sys, "argv", ["conformance.py", str(checkout), "--only", "sampler", "--out", str(checkout / "a")]
    )
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "benchmarks" / "conformance.py"), run_name="__main__")
    assert ended.value.code == code
    out = capsys.readouterr().out
    assert "| image embedding to picture | diffusers' KandinskyV22Pipeline with DDIM | 18 | 18 | 0.0e+00 |" in out
    assert ('"equal": 18' in (checkout / "a").read_text()) and (("Above the limit" in out) == bool(code))
