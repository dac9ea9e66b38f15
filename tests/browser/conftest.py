"""One browser for the folder, one file for each sample page; each test opens what it needs."""

import pytest

import chromium
from report_samples import full_report, hostile_report
from tickbench.render.pages import html_report


@pytest.fixture(scope="package")
def running():
    with chromium.browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def files(running, tmp_path_factory):
    """Sample pages by name, each made when it is first asked for."""
    folder = tmp_path_factory.mktemp("pages")
    makers = {"full": full_report, "hostile": hostile_report, "long": lambda: hostile_report("x" * 1_000_000)}

    def file(name):
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_text(html_report(makers[name]()), encoding="utf-8")
        return path

    return file


@pytest.fixture(scope="package")
def closed(files):
    """The full sample with its scenarios closed, as they are where there are many."""
    path = files("full").with_name("closed.html")
    path.write_text(files("full").read_text(encoding="utf-8").replace("<details open>", "<details>"), encoding="utf-8")
    return path


@pytest.fixture
def visit(running, files):
    """Open a sample page, or a file, in a context of its own that ends with the test."""
    opened = []

    def open_page(name, **options):
        opened.append(chromium.Visit(running, files(name) if isinstance(name, str) else name, **options))
        return opened[-1]

    yield open_page
    for one in opened:
        one.context.close()
