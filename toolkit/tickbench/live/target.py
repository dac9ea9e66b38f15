"""The engine that is looked at: a pid, or the name of an application, which is followed when the engine is started anew."""

import difflib
from pathlib import Path

from tickbench.errors import UsageError
from tickbench.probe import PageName, PageReader, find_pages
from tickbench.probe.place import start_ticks


class Target:
    """Opens the page of a process. `text` is a pid or an application's name; UsageError if there is no such page."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._reader = self._open()

    @property
    def reader(self) -> PageReader:
        """The page; of a name that was started anew, the new page."""
        if not self.text.isdecimal() and not self._reader.alive:
            running = [one for one in _named(self.text) if _runs(one)]
            if running:
                self._reader.close()
                self._reader = PageReader(running[0].path)
        return self._reader

    def _open(self) -> PageReader:
        if self.text.isdecimal():
            pid = int(self.text)
            if not find_pages(pid) and not Path(f"/proc/{pid}").is_dir():
                raise UsageError(f"there is no process {pid}, and it left no probe page: {_known()}")
            return PageReader.of(pid)
        pages = _named(self.text)
        if not pages:
            raise UsageError(f"no application {self.text[:64]!r} has a probe page of this user: {_known(self.text)}")
        running = [one for one in pages if _runs(one)]
        if len(running) > 1:
            pids = ", ".join(str(one.pid) for one in running)
            raise UsageError(f"{len(running)} processes of {self.text} are running: name one of the pids {pids}")
        return PageReader(pages[0].path)


def _named(name: str) -> list[PageName]:
    return [one for one in find_pages() if one.app == name]


def _runs(page: PageName) -> bool:
    return start_ticks(page.pid) == page.start_ticks


def _known(name: str = "") -> str:
    apps = sorted({one.app for one in find_pages()})
    if near := difflib.get_close_matches(name, apps, n=1):
        return f"did you mean {near[0]!r}?"
    return f"there are pages of {', '.join(apps[:10])}" if apps else "no process of this user has one"
