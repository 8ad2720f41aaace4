"""Giving up the network: a process that reads foreign bytes has no use for it."""

import ctypes
import os
import sys

NEW_NETWORK, NEW_USER = 0x40000000, 0x10000000
"""CLONE_NEWNET and CLONE_NEWUSER of Linux's <sched.h>."""
CAPABILITIES_VERSION_3 = 0x20080522


def cut_network() -> bool:
    """Move this process to an empty network, as Linux lets root do, and others if its user namespaces may be used.

    Return whether that was done. Nothing is done on other systems, or where containers or AppArmor forbid it. A process
    that has threads can do it as root only. Sockets that are files are not covered.
    """
    if sys.platform != "linux":
        return False
    system = ctypes.CDLL(None)
    if system.unshare(NEW_NETWORK) == 0:
        return True
    # Root would lose its right to read everybody's files there.
    if os.geteuid() == 0 or system.unshare(NEW_USER | NEW_NETWORK) != 0:
        return False
    # In its namespace the process has all capabilities: they go at once, for they only widen what can be attacked.
    header, none = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    return bool(system.capset(header, none) == 0)
