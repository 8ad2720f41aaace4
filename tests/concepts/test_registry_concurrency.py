import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from concepts.database import Database

HEADER = """
import sys
from pathlib import Path
from concepts.database import Database
from concepts.records import NewImage
home = Path(sys.argv[1])
"""

COUNT_UP = """
for _ in range(25):
    with Database.open(home) as database, database.transaction() as registry:
        (name,) = registry.concept_names("default")
        registry.rename_concept("default", name, str(int(name) + 1))
"""

ADD_SAME = """
with Database.open(home) as database, database.transaction() as registry:
    print(registry.add_concept("default", "rex", "dog", [NewImage(b"a", None, 1, 1, "a.png")]).created)
"""

ADD_FOREVER = """
with Database.open(home) as database:
    for number in range(10_000):
        with database.transaction() as registry:
            image = NewImage(bytes([number % 256]) * 50_000 + str(number).encode(), b"m", 1, 1, "a.png")
            registry.add_concept("default", f"c{number}", "dog", [image])
        print(number, flush=True)
"""


def start(body: str, home: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))}
    command = [sys.executable, "-W", "error", "-c", HEADER + body, str(home)]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    ended = [(process.communicate(timeout=120), process.returncode) for process in processes]
    assert [code for _, code in ended] == [0] * len(ended), [errors for (_, errors), _ in ended]
    return [output for (output, _), _ in ended]


def test_of_100_increments_by_4_processes_none_is_lost(database, picture):
    with database.transaction() as registry:
        registry.add_concept("default", "0", "counter", [picture("a")])
    finish([start(COUNT_UP, database.path.parent) for _ in range(4)])
    with database.reading() as registry:
        assert registry.concept_names("default") == ["100"]


def test_4_processes_that_make_a_home_and_add_one_concept_make_one_of_each(tmp_path):
    created = finish([start(ADD_SAME, tmp_path / "home") for _ in range(4)])
    assert sorted(created) == ["False\n", "False\n", "False\n", "True\n"]
    assert [each.name for each in (tmp_path / "home").iterdir()] == ["studio.sqlite3"]
    with Database.open(tmp_path / "home") as database, database.reading() as registry:
        assert [library.name for library in registry.libraries()] == ["default"]
        assert registry.concept_names("default") == ["rex"]


def test_what_was_acknowledged_before_a_kill_is_there_and_whole(tmp_path):
    process = start(ADD_FOREVER, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "0\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    acknowledged = 1 + len(process.communicate()[0].splitlines())
    with Database.open(tmp_path) as database, database.transaction() as registry:
        names = registry.concept_names("default")
        assert set(names) >= {f"c{number}" for number in range(acknowledged)}
        for name in names:
            for image in registry.get_concept("default", name).images:
                assert len(registry.blob(image.sha)) > 50_000
