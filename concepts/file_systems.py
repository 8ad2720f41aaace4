"""File systems: whether a path is on a network, and whether locks there reach other machines."""

import os
from pathlib import Path

NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "virtiofs")
UNSHARED = (
    "davfs",
    "fuse.davfs",
    "fuse.gcsfuse",
    "fuse.gvfsd",
    "fuse.mount-s3",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
)
"""File systems of a network whose locks are known to no other machine, by the beginning of their type."""
LOCAL_LOCKS = frozenset({"local_lock=all", "local_lock=posix", "nobrl", "nolock"})
"""Mount options of NFS and SMB with which locks stay on this machine."""

MOUNTS = Path("/proc/self/mounts")


def file_system(path: Path) -> str:
    """Return the type of the file system that holds `path`, or "" if the platform does not report it."""
    return _mount(path)[0]


def on_network(path: Path) -> bool:
    """Return whether `path` is on a network file system, where SQLite's WAL fails and locks may fail."""
    return file_system(path).startswith((*NETWORK, *UNSHARED))


def keeps_locks_local(path: Path) -> bool:
    """Return whether another machine that uses the same files is known to see no lock that is held here."""
    kind, options = _mount(path)
    return kind.startswith(UNSHARED) or (kind.startswith(NETWORK) and bool(options & LOCAL_LOCKS))


def _mount(path: Path) -> tuple[str, frozenset[str]]:
    """Return the type and the options of the file system that holds `path`."""
    try:
        lines = [line.split() for line in MOUNTS.read_text(errors="replace").splitlines()]
    except OSError:
        return "", frozenset()
    mounts = {fields[1].replace("\\040", " "): fields for fields in lines if len(fields) >= 4}
    target = Path(os.path.realpath(path))  # Path.resolve raises RuntimeError for links in a circle
    fields = next((mounts[str(each)] for each in (target, *target.parents) if str(each) in mounts), None)
    return (fields[2], frozenset(fields[3].split(","))) if fields else ("", frozenset())
