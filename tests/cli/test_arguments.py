"""Every argument is checked before a command runs."""

import subprocess
import sys

import pytest

from cli.main import told

BEYOND = str(2**63)


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("concepts", "show", "\udcff"), "Invalid value for 'NAME': the text is not UTF-8."),
        (("concepts", "list", "--search", "\udcff"), "the text is not UTF-8."),
        (("generate", "\udcff"), "the text is not UTF-8."),
        (("concepts", "list", "--library", "\udcff"), "Invalid value for '--library': the text is not UTF-8."),
        (("concepts", "--stack", "\udcff"), "Invalid value for '--stack': the text is not UTF-8."),
        (("concepts", "show", "a\0b"), "the text contains a NUL character."),
        (("concepts", "list", "--search", "x" * 100_000), "the text has 100000 characters. Give at most 10000."),
        (("concepts", "forget", "rex", "--id", BEYOND, "--yes"), "the number has more than 64 bits."),
        (("concepts", "restore", "rex", BEYOND), "the number has more than 64 bits."),
        (("concepts", "list", "-n", BEYOND), "the number has more than 64 bits."),
        (("generate", "a", "--seed", "9" * 400), "the number has more than 64 bits. Give one closer to 0."),
        (("generate", "a", "-n", "10001"), "The number of pictures is 10001."),
        (("finetune", "--all", "--rank", "5000"), "--rank is 5000."),
    ],
)
def test_a_value_that_no_command_can_use_is_told_with_code_2(studio, words, cause: str) -> None:
    answer = studio(*words)
    assert answer.code == 2
    assert cause in answer.err


def test_a_path_that_is_not_utf_8_is_a_path(studio, photos, tmp_path) -> None:
    photo = photos[0].rename(tmp_path / "\udcff.png")
    assert studio("add-concept", "rex", photo, "--noun", "dog", "--segment", "none").code == 0
    assert r"\udcff.png" in studio("concepts", "show", "rex").out


def test_the_most_that_a_number_may_be_is_taken(studio) -> None:
    assert studio("concepts", "list", "-n", 2**63 - 1).code == 0
    assert studio("concepts", "list", "--search", "\ufdfa" * 10_000).code == 0


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("MPS backend out of memory (MPS allocated: 17 GB, other allocations: 1 GB, max allowed: 18 GB)."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: out of memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ],
)
def test_too_little_memory_is_code_9_with_what_the_command_has_against_it(studio, monkeypatch, error) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("lambda_studio.studio.Studio.finetune", fail)
    monkeypatch.setattr("lambda_studio.studio.Studio.generate_all", fail)
    training, drawing = studio("finetune", "rex"), studio("generate", "a dog", "--seed", "1")
    assert (training.code, drawing.code) == (9, 9)
    assert "give a smaller --batch-size or --gradient-checkpointing or a smaller --resolution or" in training.err
    assert "a smaller --resolution or a smaller --size or" in drawing.err and "--size" not in training.err
    assert "--precision fp16 or --device cpu." in drawing.err and "--gradient" not in drawing.err
    assert told(error)[1:] == ("Close other programs.", 9)


SHELL = "exec {python} -m cli concepts show nix --home home {streams}"


@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_stderr_that_is_closed_or_full_keeps_the_exit_code(tmp_path, streams: str) -> None:
    words = SHELL.format(python=sys.executable, streams=streams)
    assert subprocess.run(["sh", "-c", words], cwd=tmp_path, check=False).returncode == 3


def test_an_answer_that_cannot_be_written_is_code_7(tmp_path) -> None:
    words = f"exec {sys.executable} -m cli concepts --home home >/dev/full"
    done = subprocess.run(["sh", "-c", words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 7
    assert done.stderr.startswith("Error: No space left on device")
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
