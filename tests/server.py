"""One PostgreSQL server for a session of tests (for each worker of pytest-xdist its own), with a fresh data folder."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

ADMIN = "admin"
TEAM = "studio"
"""The role that owns the databases, as the README tells a team to do it; its members are the people."""
GUARDED = "guarded"
"""A role that has to give its password."""
PASSWORD = "s3cret"
START_SECONDS = 120
NUMBERS = count(1)

# What a crash of the machine would cost is nothing here; transactions are what they are all the same.
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=127.0.0.1")


@dataclass(frozen=True)
class Server:
    """A running server, on a port of its own of 127.0.0.1."""

    port: int

    def address(self, database: str, role: str = ADMIN) -> str:
        """What STUDIO_DATABASE would say."""
        return f"postgresql+psycopg://{quote(role, safe=':@')}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, *values: Any, database: str = "postgres") -> list[tuple]:
        """One statement as the administrator, in no transaction; `?` stands for a value."""
        import psycopg

        where = f"host=127.0.0.1 port={self.port} user={ADMIN} dbname={database}"
        with closing(psycopg.connect(where, autocommit=True)) as connection:
            cursor = connection.execute(statement.replace("%", "%%").replace("?", "%s"), values)
            return cursor.fetchall() if cursor.description else []

    def add_person(self, role: str) -> None:
        """A member of the team, where there is none of that name."""
        quoted = role.replace('"', '""')
        if not self.run("SELECT 1 FROM pg_roles WHERE rolname = ?", role):
            self.run(f'CREATE ROLE "{quoted}" LOGIN IN ROLE {TEAM}')

    def new_database(self, template: str = "template0") -> str:
        """A new database of the team's; its name."""
        name = f"registry{next(NUMBERS)}"
        self.run(f"CREATE DATABASE {name} OWNER {TEAM} TEMPLATE {template} ENCODING 'UTF8'")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is in it."""
        self.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """The folder of PostgreSQL's programs, or a skipped test where they are missing; under CI that is a failure."""
    if (programs := find_programs()) is not None:
        return programs
    reason = "PostgreSQL's programs (initdb, postgres) are not here: apt-get install postgresql"
    required = os.environ.get("CI", "").lower() == "true" or os.environ.get("STUDIO_REQUIRE_POSTGRES") == "1"
    (pytest.fail if required else pytest.skip)(reason)  # laptops without a server run all the other tests


@pytest.fixture(scope="session")
def postgres_server(postgres_programs: Path) -> Iterator[Server]:
    """A server that is running."""
    with running_server(postgres_programs) as server:
        yield server


@contextmanager
def running_server(programs: Path) -> Iterator[Server]:
    """A server of these programs, for as long as the block runs; its data folder goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="studio-postgres-"))
    identity = server_identity(folder)
    try:
        make_cluster(programs / "initdb", folder, identity)
        process, server = start(programs / "postgres", folder, identity)
        try:
            prepare_roles(server)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # without delay
            process.wait(START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path | None:
    """The folder that holds `initdb` and `postgres`."""
    folders = [Path(found).resolve().parent] if (found := shutil.which("postgres")) else []
    if config := shutil.which("pg_config"):
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True).stdout.strip()
        folders.append(Path(said))
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name), reverse=True)
    return next((each for each in folders if (each / "initdb").exists() and (each / "postgres").exists()), None)


def server_identity(folder: Path) -> dict[str, Any]:
    """Whom the server runs as, for subprocess: it refuses root, so then it is another, who gets the folder."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def make_cluster(initdb: Path, folder: Path, identity: dict[str, Any]) -> None:
    """An empty data folder, whose roles are trusted but for one."""
    words = [initdb, "-D", folder / "data", "-U", ADMIN, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run(words, cwd=folder, capture_output=True, text=True, **identity)
    assert made.returncode == 0, made.stdout + made.stderr
    rules = folder / "data" / "pg_hba.conf"
    rules.write_text(f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")


def start(postgres: Path, folder: Path, identity: dict[str, Any]) -> tuple["subprocess.Popen[bytes]", Server]:
    """A server on a free port; on another, where somebody took that one in the meantime."""
    log = folder / "log"
    for _ in range(5):
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            server = Server(free.getsockname()[1])
        settings = [word for each in (*SETTINGS, f"unix_socket_directories={folder}") for word in ("-c", each)]
        words = [postgres, "-D", folder / "data", "-p", str(server.port), *settings]
        with log.open("ab") as said:
            process = subprocess.Popen(words, cwd=folder, stdout=said, stderr=said, start_new_session=True, **identity)
        if answers(process, server):
            return process, server
    raise AssertionError(log.read_text())


def answers(process: "subprocess.Popen[bytes]", server: Server) -> bool:
    """Wait until it takes connections; False where it ended instead."""
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None:
        try:
            server.run("SELECT 1")
            return True
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "the server started and does not answer"
            time.sleep(0.1)
    return False


def prepare_roles(server: Server) -> None:
    server.run(f"CREATE ROLE {TEAM}")
    server.run(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{PASSWORD}' IN ROLE {TEAM}")
