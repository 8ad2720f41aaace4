"""Giving up the network, which a process that reads untrusted bytes does not need."""

import ctypes
import os
import sys

NEW_NETWORK, NEW_USER = 0x40000000, 0x10000000
"""CLONE_NEWNET and CLONE_NEWUSER of Linux's <sched.h>."""
CAPABILITIES_VERSION_3 = 0x20080522


def cut_network() -> bool:
    """Move this process to an empty network namespace; return whether that worked.

    Linux allows this to root, and to others if they may create user namespaces. Containers or AppArmor may forbid it. A
    process with threads needs root. Unix sockets in the file system stay reachable.
    """
    if sys.platform != "linux":
        return False
    system = ctypes.CDLL(None)
    if system.unshare(NEW_NETWORK) == 0:
        return True
    # In a user namespace, root would lose its right to read all files.
    if os.geteuid() == 0 or system.unshare(NEW_USER | NEW_NETWORK) != 0:
        return False
    # In its namespace, the process has all capabilities. Drop them: they only widen the attack surface.
    header, none = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    return bool(system.capset(header, none) == 0)
