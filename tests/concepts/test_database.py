import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from concepts.database import FILE_NAME, Database

HEADER = """
import sys
from pathlib import Path
from concepts.database import Database
from concepts.records import NewImage
home, address = Path(sys.argv[1]), sys.argv[2] or None
"""

COUNT_UP = """
def count_up(registry):
    (name,) = registry.concept_names("default")
    registry.rename_concept("default", name, str(int(name) + 1))
for _ in range(25):
    with Database.open(home, address=address) as database:
        database.write(count_up)
"""

ADD_SAME = """
with Database.open(home, address=address) as database:
    image = NewImage(b"a", None, 1, 1, "a.png")
    print(database.write(lambda registry: registry.add_concept("default", "rex", "dog", [image])).created)
"""

COUNT_ONE = COUNT_UP.replace("range(25)", "range(1)")

COUNT_50 = """
def count_up(registry):
    (name,) = registry.concept_names("default")
    registry.rename_concept("default", name, str(int(name) + 1))
with Database.open(home, address=address) as database:
    for _ in range(50):
        database.write(count_up)
"""

ADD_OTHER = """
from concepts.errors import ConceptExists
image = NewImage(b"{content}", None, 1, 1, "a.png")
try:
    with Database.open(home, address=address) as database:
        print(database.write(lambda registry: registry.add_concept("default", "rex", "dog", [image])).created)
except ConceptExists as error:
    print(type(error).__name__)
"""

ADD_FOREVER = """
with Database.open(home, address=address) as database:
    for number in range(10_000):
        with database.transaction() as registry:
            image = NewImage(bytes([number % 256]) * 50_000 + str(number).encode(), b"m", 1, 1, "a.png")
            registry.add_concept("default", f"c{number}", "dog", [image])
        print(number, flush=True)
"""

RESTORE = """
from concepts.errors import ConceptExists
try:
    with Database.open(home, address=address) as database:
        print(database.write(lambda registry: registry.restore_concept("default", "rex")).name)
except ConceptExists as error:
    print(type(error).__name__)
"""

COPY = """
from concepts.errors import ConceptNotFound
try:
    with Database.open(home, address=address) as database:
        copy = lambda registry: registry.copy_concept("default", "rex", "default", "copy{number}")
        print(database.write(copy).created)
except ConceptNotFound as error:
    print(type(error).__name__)
"""

FORGET = """
with Database.open(home, address=address) as database:
    print(database.write(lambda registry: registry.forget_concept("default", "rex")).concept.name)
"""

UPGRADE = """
with Database.open(home, user="{user}") as database, database.reading() as registry:
    print(*(library.name for library in registry.libraries()))
"""


def start(body: str, home: Path, address: str | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))}
    command = [sys.executable, "-W", "error", "-c", HEADER + body, str(home), address or ""]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    ended = [(process.communicate(timeout=120), process.returncode) for process in processes]
    assert [code for _, code in ended] == [0] * len(ended), [errors for (_, errors), _ in ended]
    return [output for (output, _), _ in ended]


def counted(place, database, picture, body: str, processes: int) -> list[str]:
    with database.transaction() as registry:
        registry.add_concept("default", "0", "counter", [picture("a")])
    finish([start(body, place.home, place.address()) for _ in range(processes)])
    with database.reading() as registry:
        return registry.concept_names("default")


def test_of_100_increments_by_4_processes_none_is_lost(place, database, picture):
    assert counted(place, database, picture, COUNT_UP, 4) == ["100"]


@pytest.mark.postgresql
def test_of_400_increments_by_8_processes_on_a_server_none_is_lost(place, database, picture):
    assert counted(place, database, picture, COUNT_50, 8) == ["400"]


@pytest.mark.postgresql
def test_whom_others_came_before_is_alone_the_next_time(place, database, picture):
    with database.transaction() as registry:
        registry.add_concept("default", "0", "counter", [picture("a")])
    attempts: list[bool] = []
    others: list[subprocess.Popen[str]] = []

    def count_up(registry):
        (name,) = registry.concept_names("default")
        other = start(COUNT_ONE, place.home, place.address())
        if not attempts:  # it comes before us
            finish([other])
        else:  # it waits for us
            others.append(other)
            with pytest.raises(subprocess.TimeoutExpired):
                other.wait(timeout=4)
        attempts.append(True)
        registry.rename_concept("default", name, str(int(name) + 1))

    database.write(count_up)
    finish(others)
    assert len(attempts) == 2
    with database.reading() as registry:
        assert registry.concept_names("default") == ["3"]


def test_of_4_processes_that_add_one_name_one_wins(place, database):
    said = finish([start(ADD_OTHER.format(content=number), place.home, place.address()) for number in range(4)])
    assert sorted(said) == ["ConceptExists\n"] * 3 + ["True\n"]
    with database.reading() as registry:
        (image,) = registry.get_concept("default", "rex").images
        assert registry.blob(image.sha) == str(said.index("True\n")).encode()


def test_4_processes_that_make_a_home_and_add_one_concept_make_one_of_each(tmp_path):
    created = finish([start(ADD_SAME, tmp_path / "home") for _ in range(4)])
    assert sorted(created) == ["False\n", "False\n", "False\n", "True\n"]
    assert [each.name for each in (tmp_path / "home").iterdir()] == ["studio.sqlite3"]
    with Database.open(tmp_path / "home") as database, database.reading() as registry:
        assert [library.name for library in registry.libraries()] == ["default"]
        assert registry.concept_names("default") == ["rex"]


def test_what_was_acknowledged_before_a_kill_is_there_and_whole(place):
    process = start(ADD_FOREVER, place.home, place.address())
    assert process.stdout is not None
    assert process.stdout.readline() == "0\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    acknowledged = 1 + len(process.communicate()[0].splitlines())
    with place.open() as database, database.transaction() as registry:
        names = registry.concept_names("default")
        assert set(names) >= {f"c{number}" for number in range(acknowledged)}
        for name in names:
            for image in registry.get_concept("default", name).images:
                assert len(registry.blob(image.sha)) > 50_000


def test_of_4_processes_that_restore_one_name_one_wins(place, database, picture):
    with database.transaction() as registry:
        for content in "abcd":
            registry.add_concept("default", "rex", "dog", [picture(content)])
            registry.remove_concept("default", "rex")
    restored = finish([start(RESTORE, place.home, place.address()) for _ in range(4)])
    assert sorted(restored) == ["ConceptExists\n"] * 3 + ["rex\n"]
    with database.reading() as registry:
        assert registry.concept_names("default") == ["rex"]
        assert len(registry.removed_concepts("default")) == 3


def test_a_concept_that_is_forgotten_while_others_copy_it_is_there_whole_or_not_at_all(place, database, picture):
    with database.transaction() as registry:
        registry.add_concept("default", "rex", "dog", [picture("a" * 10_000)])
    users = [start(COPY.format(number=number), place.home, place.address()) for number in range(3)]
    said = finish([*users, start(FORGET, place.home, place.address())])
    assert said[-1] == "rex\n"
    with database.reading() as registry:
        copies = registry.concepts("default")
        assert [each.name for each in copies] == [
            f"copy{number}" for number, word in enumerate(said[:3]) if word == "True\n"
        ]
        for each in copies:
            assert registry.blob(registry.get_concept("default", each.name).images[0].sha) == b"a" * 10_000


def test_of_2_users_who_upgrade_one_old_registry_one_gets_its_libraries(tmp_path):
    shutil.copyfile(Path(__file__).parents[1] / "databases" / "0001.sqlite3", tmp_path / FILE_NAME)
    libraries = finish([start(UPGRADE.format(user=user), tmp_path) for user in ("anna", "bob")])
    assert sorted(libraries) == ["default\n", "default toys\n"]


def test_an_exception_half_way_leaves_nothing_behind(database, picture, sql):
    with pytest.raises(RuntimeError, match="power"), database.transaction() as registry:
        registry.create_library("toys")
        registry.add_concept("toys", "rex", "dog", [picture("a")])
        registry.put_feature("k", "image_embeds", b"1234", (1,), "float32", picture("a").sha)
        raise RuntimeError("power")
    for table in ("concepts", "concept_versions", "version_images", "blobs", "features"):
        assert sql(f"SELECT count(*) FROM {table}") == [(0,)], table
    with database.transaction() as registry:
        assert [library.name for library in registry.libraries()] == ["default"]
        assert registry.add_concept("default", "rex", "dog", [picture("a")]).created


def test_a_reader_cannot_write(database):
    with pytest.raises(Exception, match="cannot be written") as refusal, database.reading() as registry:
        registry.create_library("toys")
    assert type(refusal.value).__name__ == "StorageFailed"
    with database.transaction() as registry:
        assert registry.find_library("toys") is None
        registry.create_library("toys")
