"""A real browser for the tests of the report's page: a Chromium of this machine, offline, driven by playwright."""

import os
import shutil
import tarfile
from contextlib import contextmanager
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--no-sandbox",  # root has no sandbox; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NEWS = """
window.__broken = [];
window.__names = new Set([...Object.getOwnPropertyNames(window), "__names"]);
addEventListener("securitypolicyviolation", (event) => __broken.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@contextmanager
def browser():
    """A running browser until the block ends; skips the test with the reason where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'tickbench[dev]'")
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(_NAMES)} is on PATH (Debian: apt-get install chromium)")
    with api.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=[*_QUIET])
        try:
            yield running
        finally:
            running.close()


class Visit:
    """A page in a context of its own, and all that it did: what it asked for, said, popped up and broke."""

    def __init__(self, browser, file, *, offline=True, **options):
        options = {"viewport": {"width": 1280, "height": 900}, "service_workers": "block", **options}
        self.context = browser.new_context(offline=offline, **options)
        self.context.set_default_timeout(5_000)
        self.page = self.context.new_page()
        self.address = file.as_uri()
        self.asked, self.said, self.shown = [], [], []
        if options.get("java_script_enabled", True):
            self.page.add_init_script(_NEWS)
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.context.on("page", lambda page: self.shown.append(f"window {page.url}"))
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        self.page.on("dialog", self._dismiss)
        self.page.goto(self.address)

    def _dismiss(self, dialog):
        self.shown.append(f"{dialog.type} {dialog.message}")
        dialog.dismiss()

    def new_globals(self):
        """Names that scripts of the page added to the window."""
        return self.page.evaluate("Object.getOwnPropertyNames(window).filter((name) => !__names.has(name))")

    def broken_policies(self):
        """What the page's content security policy stopped."""
        return self.page.evaluate("__broken")


def axe():
    """The source of axe-core; skips the test where ci/test could not fetch it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tickbench-tests"
    packages = sorted(cache.glob("axe-core-*.tgz"))
    if not packages:
        pytest.skip(f"axe-core is not in {cache} (ci/test fetches it with npm)")
    with tarfile.open(packages[-1]) as package:
        return package.extractfile("package/axe.min.js").read().decode()
