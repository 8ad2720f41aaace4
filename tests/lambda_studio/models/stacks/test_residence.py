"""Parts that wait in the CPU's memory. The meta device stands for the CPU here, because parts can move to it."""

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lambda_studio.models.pool import LoadedModels
from lambda_studio.models.stacks import residence
from lambda_studio.models.stacks.residence import networks_of, place, set_aside
from lambda_studio.models.stacks.stack import Stack, resolve_stack

META = torch.device("meta")


class Holder:
    """A stack that uses a part."""


@pytest.fixture
def models() -> tuple[LoadedModels, Holder]:
    models, holder = LoadedModels(), Holder()
    models.put("prior", torch.nn.Linear(2, 2), holder)
    return models, holder


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residence, "CPU", META)


def device_of(models: LoadedModels, holder: Holder) -> str:
    return str(models.find("prior", holder).weight.device)


def test_a_part_is_moved_in_place(models) -> None:
    there, holder = models
    before = there.find("prior", holder)
    assert set_aside(there, "prior", holder)
    assert there.find("prior", holder) is before
    assert device_of(there, holder) == "meta"
    assert not set_aside(there, "clip", holder), "it is not loaded"


def test_a_network_without_parameters_is_moved_with_its_buffers() -> None:
    network = torch.nn.Module()
    network.register_buffer("states", torch.zeros(2))
    place(network, META)
    assert network.states.device == META


def test_a_part_stays_that_another_stack_uses(models) -> None:
    there, holder = models
    other = Holder()
    there.find("prior", other)
    assert not set_aside(there, "prior", holder)
    assert device_of(there, holder) == "cpu"


def test_a_part_stays_while_pictures_are_drawn_with_it(models) -> None:
    there, holder = models
    begun, ended = threading.Event(), threading.Event()

    def drawing() -> None:
        with there.drawing:
            begun.set()
            ended.wait(10)

    thread = threading.Thread(target=drawing)
    thread.start()
    begun.wait(10)
    assert not set_aside(there, "prior", holder)
    ended.set()
    thread.join()
    assert device_of(there, holder) == "cpu"
    assert set_aside(there, "prior", holder)


def test_a_part_stays_if_the_cpu_has_no_room(models, monkeypatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(residence, "has_cpu_memory_for", lambda size: bool(asked.append(size)))
    assert not set_aside(*(models[0], "prior", models[1]))
    assert asked == [4 * 6]


def test_every_part_of_a_stack_has_networks_that_can_be_moved(stack_file: Path) -> None:
    stack = Stack(resolve_stack(str(stack_file)), device="cpu")
    assert [len(networks_of(part)) for part in (stack.clip(), stack.prior(), stack.decoder())] == [1, 1, 2]
    text = stack.own_decoder(("unet",))
    place(text, META)
    assert {parameter.device for parameter in text.unet.parameters()} == {META}


@pytest.mark.parametrize(("wanted", "moves"), [("cuda", False), ("cuda:1", False), ("cuda:0", True), ("cpu", True)])
def test_a_network_that_is_there_is_not_moved(monkeypatch, wanted: str, moves: bool) -> None:
    network, moved = torch.nn.Linear(1, 1), []
    monkeypatch.setattr(network, "parameters", lambda: [SimpleNamespace(device=torch.device("cuda:1"))])
    monkeypatch.setattr(network, "to", moved.append)
    place(network, torch.device(wanted))
    assert moved == ([torch.device(wanted)] if moves else [])


def test_a_part_is_on_the_stacks_device_when_it_is_used_again(stack_file: Path, monkeypatch) -> None:
    stack = Stack(resolve_stack(str(stack_file)), device="cpu")
    decoder, prior = stack.decoder(), stack.prior()
    placed: list[object] = []
    monkeypatch.setattr(residence, "place", lambda model, device: placed.append((model, str(device))))
    monkeypatch.setattr(stack, "device", META)
    stack.set_aside("decoder")
    stack.clip(("vision",))
    assert (stack.decoder(), stack.prior()) == (decoder, prior)
    assert placed == [(decoder, "meta"), (decoder, "meta"), (decoder, "meta"), (prior, "meta")]
    monkeypatch.setattr(residence, "has_cpu_memory_for", lambda size: False)
    stack.set_aside("prior")
    assert stack.loaded == {"clip", "decoder"}


def test_on_a_cpu_a_part_that_is_set_aside_is_freed_if_memory_is_short(stack_file: Path) -> None:
    stack = Stack(resolve_stack(str(stack_file)), device="cpu")
    stack.prior()
    stack.set_aside("prior")
    assert "prior" in stack.loaded, "there is memory enough"
    stack.frees_idle = True
    stack.set_aside("prior")
    assert "prior" not in stack.loaded


def test_where_gpu_and_cpu_have_one_memory_a_part_that_is_set_aside_is_freed(stack_file: Path, monkeypatch) -> None:
    stack = Stack(resolve_stack(str(stack_file)), device="cpu")
    stack.prior()
    monkeypatch.setattr(stack, "device", torch.device("mps"))
    monkeypatch.setattr(stack, "_return_memory", lambda: None)
    stack.set_aside("prior")
    assert "prior" not in stack.loaded
