"""A process that gave up its network reaches nothing, and has gained no right by it."""

import socket
import subprocess
import sys
from contextlib import closing

import pytest

from lambda_studio.processes import offline

CUT_AND_CONNECT = """
import os, socket, sys
from lambda_studio.processes.offline import cut_network
root = os.geteuid() == 0
if not cut_network():
    sys.exit("this system lets no process give up its network")
rights = [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")]
print("as before" if root else int(rights[0], 16))
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process give up its network")
def test_a_process_without_network_reaches_not_even_this_machine() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = str(server.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", CUT_AND_CONNECT, port], capture_output=True, text=True)
    if done.returncode:
        assert done.stderr == "this system lets no process give up its network\n"
        pytest.skip(done.stderr.strip())
    rights, refused = done.stdout.splitlines()
    assert rights in ("as before", "0")
    assert refused == "OSError"


def test_other_systems_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(offline.ctypes, "CDLL", lambda name: pytest.fail("a system call was made"))
    assert offline.cut_network() is False
