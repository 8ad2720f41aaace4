"""What a workplace knows of its library and stack."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sqlalchemy import event

from concepts.errors import ConceptNotFound
from lambda_studio.pictures.edges import EDGE_MAPS, edge_map
from lambda_studio.studio import Studio


@pytest.mark.parametrize("name", EDGE_MAPS)
def test_edges_are_embedded_by_the_map_that_the_stack_names(tmp_path: Path, stack_file: Path, name: str) -> None:
    file = stack_file.with_name(f"{name}.toml")
    file.write_text(f'{stack_file.read_text()}\nedges = "{name}"\n')
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 80, (64, 64, 3), dtype=np.uint8))
    with Studio(tmp_path / "home", stack=str(file)) as studio:
        embeds, stack = studio.workplace.edge_embeds(picture), studio.workplace.stack
        maps = [edge_map(picture, each, stack.resolution, stack.clip().image_size) for each in EDGE_MAPS]
        expected = dict(zip(EDGE_MAPS, stack.clip().encode_images(maps), strict=True))
    assert torch.allclose(embeds, expected.pop(name), atol=1e-5)
    assert not any(torch.allclose(embeds, other, atol=1e-3) for other in expected.values())


def test_a_library_remembers_the_first_stack_that_is_named(
    studio, add, photo, box, notices, stack_file, tmp_path
) -> None:
    add("rex", photo)
    add("bello", box(1))
    assert notices == [f"Library default now uses the stack {stack_file}."]
    with Studio(tmp_path / "home") as later:
        assert later.workplace.stack.spec.name == "tiny"


def test_the_library_and_its_stack_are_known_without_counting_its_concepts(tmp_path, stack_file, monkeypatch):
    with Studio(tmp_path) as studio, studio.database.transaction() as registry:
        registry.create_library("toys", stack=str(stack_file))
    monkeypatch.setattr("concepts.rows.libraries.library_record", lambda *_: pytest.fail("it was counted"))
    for library, address, stack in ((None, "default", "miniature"), ("Toys", "toys", str(stack_file))):
        with Studio(tmp_path, library) as studio:
            assert (studio.workplace.library, studio.workplace.stack_source) == (address, stack)
    with Studio(tmp_path, "toys", str(stack_file)) as studio, studio.database.transaction() as registry:
        assert studio.workplace.remember_stack(registry) is None, "it remembers one"


def test_more_names_are_no_more_queries_and_an_unknown_one_is_named(studio, put, plain) -> None:
    for name in ("rex", "hat", "cup"):
        put(name, plain("red"))
    statements = []
    with studio.database.reading() as registry:
        engine = registry._session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    counts = []
    assert studio.workplace.library == "default"  # read once and cached
    for names in (["hat"], ["hat", "REX ", "cup", "rex"]):
        statements.clear()
        found = [concept.name for concept in studio.workplace.get_concepts(names)]
        counts.append((found, len(statements)))
    assert counts == [(["hat"], counts[0][1]), (["hat", "rex", "cup"], counts[0][1])]
    with pytest.raises(ConceptNotFound, match=r"No concept named 'rx' in library 'default'\. Did you mean 'rex'\?"):
        studio.workplace.get_concepts(["hat", "rx"])


def test_each_process_of_a_machine_takes_a_gpu_unless_one_was_chosen(studio, monkeypatch) -> None:
    import torch

    place, chosen = studio.workplace, []
    monkeypatch.setattr(place, "run_on", lambda device, precision: chosen.append((device, precision)))
    place.take_turn(1)
    assert chosen == []  # there is no GPU here
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    place.take_turn(3)
    monkeypatch.setattr(place, "_device", "cpu")
    place.take_turn(0)
    assert chosen == [("cuda:1", None)]
