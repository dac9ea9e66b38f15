"""Where pages lie and whose they are: a folder of the user's own in memory, and the identity of a process beyond its pid."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from tickbench.errors import InputError
from tickbench.probe.layout import SUFFIX

_SHARED_MEMORY = Path("/dev/shm")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_FILE_NAME = re.compile(r"(?P<app>[\w-]{1,63})\.(?P<pid>[1-9]\d{0,9})\.(?P<start>\d{1,19})" + re.escape(SUFFIX), re.ASCII)
_APP_NAME = re.compile(r"[\w-]{1,63}", re.ASCII)


@dataclass(frozen=True)
class PageName:
    """A page's file and what its name says: application, pid, start time of the process in clock ticks since boot."""

    path: Path
    app: str
    pid: int
    start_ticks: int


def runtime_folder() -> Path:
    """Where a new page lies: $XDG_RUNTIME_DIR/tickbench, else /dev/shm/tickbench-UID."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    return Path(base) / "tickbench" if base else _SHARED_MEMORY / f"tickbench-{os.getuid()}"


def page_folders() -> list[Path]:
    """Where pages of this user may lie, whatever the environment of their writers was."""
    uid = os.getuid()
    folders = [runtime_folder(), Path(f"/run/user/{uid}/tickbench"), _SHARED_MEMORY / f"tickbench-{uid}"]
    return list(dict.fromkeys(folders))


def own_folder(folder: Path) -> Path:
    """Make the folder if it is not there; InputError unless it is a folder of this user that nobody else may enter."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InputError(f"probe: the folder {folder} cannot be made: {error.strerror}: set XDG_RUNTIME_DIR") from None
    if fault := folder_fault(folder):
        raise InputError(f"probe: {folder} {fault}: remove it, or set XDG_RUNTIME_DIR to a folder of your own")
    return folder


def folder_fault(folder: Path) -> str | None:
    """Why pages in this folder cannot be trusted; None if they can. Raises OSError if there is none."""
    found = folder.lstat()  # not stat: a link may be led elsewhere after the check
    if not stat.S_ISDIR(found.st_mode):
        return "is no folder (links are not followed)"
    if found.st_uid != os.getuid():
        return f"belongs to user {found.st_uid}"
    return "is open to other users" if found.st_mode & 0o077 else None


def check_app(app: str) -> str:
    """The name, if it can stand in a file name; InputError if not."""
    if not _APP_NAME.fullmatch(app):
        raise InputError(f"probe: application {app!r}: 1 to 63 letters, digits, - and _ are wanted")
    return app


def parse_name(path: Path) -> PageName | None:
    """What the name of a page's file says; None if it is no page's."""
    match = _FILE_NAME.fullmatch(path.name)
    return PageName(path, match["app"], int(match["pid"]), int(match["start"])) if match else None


def start_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot (proc(5), stat, field 22); None if there is none."""
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = line.rpartition(b")")[2].split()  # the command before it may hold blanks and brackets
    return None if fields[0] in {b"Z", b"X"} else int(fields[19])  # a zombie has ended


def boot_id() -> bytes:
    """The 16 bytes that the kernel drew when this machine started."""
    return bytes.fromhex(_BOOT_ID.read_text(encoding="ascii").strip().replace("-", ""))
