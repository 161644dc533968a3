"""Taking rights away: what the fork server gives up for all, and what each child gives up before it sees a byte.

Nothing here needs privileges. What the machine does not offer (a container that forbids namespaces, an old kernel) is
left out and said: `Isolation` lists both. The order matters: namespaces need rights that the later steps take away.

    server   user, network, IPC and process namespaces      no interface to send by, no process of ours to see
             seccomp                                        no socket, mount, ptrace, keyring, BPF…
    child    a process namespace of its own                 its end is the end of Tesseract too
             rlimits, no capability, no new privileges, not dumpable, killed with its parent
             Landlock                                       reads programs and libraries, writes its own folder only
             seccomp again                                  no namespace, session or group
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import landlockpy
import seccompy

from ingest.sandbox.bounds import Bounds

NETWORK, PROCESSES, FILES, CALLS = "network", "processes", "files", "calls"
"""Names of what may be active: namespaces of network and processes, Landlock, seccomp."""

_NEWUSER, _NEWPID, _NEWNET, _NEWIPC = 0x10000000, 0x20000000, 0x40000000, 0x08000000
_NEW_ANY = (0x00020000, 0x02000000, 0x04000000, 0x00000080, _NEWUSER, _NEWPID, _NEWNET, _NEWIPC)
_PDEATHSIG, _DUMPABLE, _SUBREAPER, _NO_NEW_PRIVS = 1, 4, 36, 38  # prctl
_CAPABILITIES = 0x20080522  # version 3 of capset's header
_FORBIDDEN = (
    *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"),
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick"),
    *("mount_setattr", "swapon", "swapoff", "quotactl"),
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp"),
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("add_key", "request_key", "keyctl", "name_to_handle_at", "open_by_handle_at", "memfd_secret", "fanotify_init"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "acct", "syslog"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "iopl", "ioperm"),
    *("personality", "mknod", "mknodat", "vhangup", "lookup_dcookie", "nfsservctl"),
)
_LAST = ("unshare", "setns", "setsid", "setpgid")
"""What the server needs to make children, and a child does not."""
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/proc/cpuinfo")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")

_SCOPES = landlockpy.Scope.ABSTRACT_UNIX_SOCKET | landlockpy.Scope.SIGNAL
_A = landlockpy.AccessFS
_OWN = ~(_A.MAKE_CHAR | _A.MAKE_BLOCK | _A.MAKE_SOCK | _A.EXECUTE)

_NO_CORE = 1
"""The kernel takes 1, and not 0, to mean no core even where a program stands ready to receive cores."""

_libc = ctypes.CDLL(None, use_errno=True)


def leave_the_world() -> tuple[str, ...]:
    """Enter new namespaces, as far as the machine lets this process; returns what is active of NETWORK, PROCESSES.

    The next child that is forked is the first of the new process namespace, if there is one. One thread only.
    """
    user, group = os.getuid(), os.getgid()
    if _unshare(_NEWUSER):  # else these may still be root's own rights
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _unshare(_NEWIPC)
    found = [name for name, flag in ((NETWORK, _NEWNET), (PROCESSES, _NEWPID)) if _unshare(flag)]
    return tuple(found)


class Nursery:
    """Where the next child is born: in a process namespace of its own when `nested`, else among the others."""

    def __init__(self, nested: bool) -> None:
        self._own = os.open("/proc/self/ns/pid_for_children", os.O_RDONLY | os.O_CLOEXEC) if nested else -1

    def prepare(self) -> None:
        """Before a fork."""
        if self._own >= 0 and not _unshare(_NEWPID):
            raise OSError(ctypes.get_errno(), "no process namespace")

    def clean(self) -> None:
        """After it, in the parent."""
        if self._own >= 0 and _libc.setns(self._own, _NEWPID):
            raise OSError(ctypes.get_errno(), "own process namespace lost")


def die_with_parent(parent: int | None = None) -> None:
    """SIGKILL when the process that forked this one ends (its main thread: it must have no other).

    `parent` is its number as seen from here, when it has one: it may have ended before this call.
    """
    _prctl(_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """What a child leaves running becomes this process's, to be killed: where there is no process namespace."""
    _prctl(_SUBREAPER, 1)


def offers_landlock() -> bool:
    """Whether every child will have it; looks up, once, what they may open."""
    return _has_landlock() and bool(_rights())


def close_calls() -> bool:
    """The server's part of seccomp, which children inherit (compiling it costs 2 ms); whether the machine has it."""
    world, last = _filter(_FORBIDDEN), _filter(_LAST)
    if world is None or last is None:
        return False
    for flag in _NEW_ANY:
        world.errno("clone", errno.EPERM, args=[(0, seccompy.CmpOp.MASKED_EQ, flag, flag)])
    world.errno("clone3", errno.ENOSYS)  # its flags are out of a filter's reach: libc then calls clone
    world.load()
    return True


def close_in(folder: Path) -> None:
    """Every right that a child gives up. Afterwards it reads programs, writes `folder`, and computes."""
    resource.setrlimit(resource.RLIMIT_CORE, (_NO_CORE, _NO_CORE))
    _prctl(_DUMPABLE, 0)
    _prctl(_NO_NEW_PRIVS, 1)
    if _has_landlock():
        _close_files(folder)
    _drop_capabilities()
    last = _filter(_LAST)
    if last is not None:
        last.load()


@cache
def _has_landlock() -> bool:
    return landlockpy.supported()


@cache
def _filter(forbidden: tuple[str, ...]) -> seccompy.Filter | None:
    """A seccomp program under which these calls fail; None where the machine or its architecture has none."""
    try:
        if not seccompy.supported():
            return None
        made = seccompy.Filter(default=seccompy.Action.ALLOW)
        for number in _numbers(forbidden):
            made.errno(number, errno.EPERM)
        _ = made.program  # compiled in the server, once
        return made
    except (seccompy.SeccompError, OSError):
        return None


def _numbers(names: tuple[str, ...]) -> Iterator[int]:
    """Numbers of the calls that this architecture has, under x86's second ABI (x32) too."""
    for name in names:
        with suppress(ValueError):
            number = seccompy.syscall_nr(name)
            yield number
            if platform.machine() == "x86_64":
                yield number | 0x40000000


def limit(bounds: Bounds) -> None:
    """What a child may use from here on; it can only lower it."""
    hard = {
        resource.RLIMIT_CPU: bounds.cpu,
        resource.RLIMIT_DATA: bounds.memory,
        resource.RLIMIT_AS: bounds.address,
        resource.RLIMIT_FSIZE: bounds.file,
        resource.RLIMIT_NOFILE: bounds.files,
    }
    for which, most in hard.items():
        ceiling = resource.getrlimit(which)[1]
        most = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)
        resource.setrlimit(which, (most, most))


def _close_files(folder: Path) -> None:
    with landlockpy.Ruleset(scoped=_SCOPES) as rules:
        for path, access in _rights():
            rules.allow_path(path, access)
        rules.allow_path(folder, _OWN)
        rules.restrict()


@cache
def _rights() -> tuple[tuple[str, landlockpy.AccessFS], ...]:
    """What a child may open besides its folder: programs and libraries, Python's, ours, Tesseract's; devices.

    Nothing of anybody's data. Looked up once, in the server.
    """
    access = _A
    tesseract = shutil.which("tesseract")
    ours = [p for name in _PACKAGES if (p := getattr(sys.modules.get(name), "__file__", None))]
    wanted = [
        *_SYSTEM,
        sys.prefix,
        sys.base_prefix,
        *(os.path.dirname(os.path.realpath(path)) for path in ours),
        *([os.path.dirname(os.path.dirname(os.path.realpath(tesseract)))] if tesseract else []),
        os.environ.get("TESSDATA_PREFIX", "/usr"),
    ]
    # What lies under a folder that is allowed is allowed with it.
    present = sorted({os.path.realpath(path) for path in wanted if os.path.exists(path)} - {"/"})
    tops = [path for path in present if not any(path.startswith(f"{other}/") for other in present)]
    read = access.READ_FILE | access.EXECUTE
    found = [(path, read | access.READ_DIR if os.path.isdir(path) else read) for path in tops]
    devices = access.READ_FILE | access.WRITE_FILE
    return (*found, *((path, devices) for path in _DEVICES if os.path.exists(path)))


_PACKAGES = ("access", "records", "ocr", "ingest")


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    _libc.capset(header, (ctypes.c_uint32 * 6)())


def _unshare(flag: int) -> bool:
    return bool(_libc.unshare(flag) == 0)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
