"""Nothing that a run file says runs, loads or leaves: by the templates, and where they failed by the page's policy."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import chromium
from report_samples import HOSTILE

CENSUS = """() => {
  const found = {tags: {}, handlers: [], addresses: []};
  for (const element of document.querySelectorAll("*:not(.tip)")) { // that one is placed by our own script
    found.tags[element.tagName.toLowerCase()] = (found.tags[element.tagName.toLowerCase()] || 0) + 1;
    for (const {name, value} of element.attributes) {
      if (/^on|^style$|^autofocus$|^srcdoc$/i.test(name)) found.handlers.push(`${element.tagName} ${name}`);
      if (/^(.*:)?(href|src|action|formaction|data|poster|srcset|background)$/i.test(name)) found.addresses.push(value);
    }
  }
  return found;
}"""


@pytest.fixture
def listener():
    """The port of a server on loopback and what was asked of it."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


def _use(page):
    """Do what a reader does: open everything, click what can be clicked, type, move over a chart."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.click("#theme")
    for selector in (
        "button.sort",
        "button.toggle",
        "nav a",
        "button.copy",
        "section.scenario summary",
        "#scenarios td a, #scenarios th a",
    ):
        page.evaluate("(s) => document.querySelectorAll(s).forEach((one) => one.click())", selector)
    page.evaluate("""() => document.querySelectorAll("input").forEach((one) => {
        one.focus();
        if (one.type === "search") one.value = "a";
        one.dispatchEvent(new Event("input", {bubbles: true}));
    })""")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.hover("svg.percentiles >> nth=0")


@pytest.fixture(scope="module")
def used(running, files):
    """The hostile page after its reader has used all of it; online, so that nothing but the page itself holds it back."""
    one = chromium.Visit(running, files("hostile"), offline=False)
    _use(one.page)
    yield one
    one.context.close()


def _did_nothing(one):
    asked = [url for url in one.asked if not url.startswith("data:image/png;base64,")]
    return (
        asked == [one.address]
        and one.page.url.partition("#")[0] == one.address
        and not one.said + one.shown + one.broken_policies()
    )


@pytest.mark.parametrize("offline", [True, False], ids=["offline", "online"])
def test_a_page_asks_for_nothing_says_nothing_and_breaks_no_policy(visit, offline):
    one = visit("full", offline=offline)
    _use(one.page)
    assert _did_nothing(one), vars(one)
    assert one.new_globals() == []


def test_hostile_texts_run_nothing_and_ask_for_nothing(used):
    assert _did_nothing(used), vars(used)
    assert used.new_globals() == []
    assert used.page.evaluate("window.hacked") is None


def test_hostile_texts_become_no_element_and_no_attribute(visit, used):
    expected, census = visit("full", java_script_enabled=False).page.evaluate(CENSUS)["tags"], used.page.evaluate(CENSUS)
    assert census["handlers"] == []
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in census["addresses"])
    made_by_our_script = {"div", "label", "input", "output", "button", "b", "span", "i"}
    assert set(census["tags"]) <= set(expected) | made_by_our_script | {"p"}
    for tag in ("script", "style", "meta", "details", "section", "figure", "table", "image"):
        assert census["tags"][tag] == expected[tag], tag


def test_hostile_texts_are_read_as_they_were_written(used):
    visible = HOSTILE
    for hidden in "\x00\u202e\u2066\u2028":
        visible = visible.replace(hidden, f"⟨U+{ord(hidden):04X}⟩")
    assert visible.strip() in used.page.text_content("#machine dd")
    labels = used.page.eval_on_selector_all("svg[role=img]", "all => all.map((one) => one.getAttribute('aria-label'))")
    assert labels
    assert all("<script>" in label for label in labels)


def test_a_template_that_forgot_to_escape_is_stopped_by_the_policy(visit, files, tmp_path, listener):
    """The second wall alone: markup put into the page as it is. It also shows that the census above sees such elements."""
    port, asked = listener
    url = f"http://127.0.0.1:{port}"
    raw = f"""<script>window.hacked = 1</script><script src="{url}/script"></script><svg onload="window.hacked = 2"></svg>
        <img src="{url}/image" onerror="window.hacked = 3"><iframe src="{url}/frame"></iframe>
        <object data="{url}/object"></object><video src="{url}/video"></video><link rel="stylesheet" href="{url}/sheet">
        <style>body {{ background: url({url}/background) }}</style><a id="trap" href="javascript:window.hacked = 4">x</a>
        <form action="{url}/form"><button id="send">x</button></form><base href="{url}/">
        <p style="background: url({url}/inline)" onclick="window.hacked = 5" id="press">x</p>"""
    file = tmp_path / "broken.html"
    file.write_text(files("full").read_text(encoding="utf-8").replace("<footer>", f"<footer>{raw}"), encoding="utf-8")
    one = visit(file, offline=False)
    for target in ("#trap", "#press", "#send"):
        one.page.evaluate("(s) => document.querySelector(s).click()", target)
    one.page.wait_for_timeout(200)
    census = one.page.evaluate(CENSUS)
    assert {"img", "iframe", "object", "link", "video"} <= set(census["tags"])
    assert census["handlers"]
    assert one.page.evaluate("window.hacked") is None
    assert asked == []
    assert one.page.url == one.address
    stopped = {line.split()[0] for line in one.broken_policies()}
    assert stopped >= {
        "script-src-elem",
        "script-src-attr",
        "img-src",
        "frame-src",
        "object-src",
        "style-src-elem",
        "form-action",
    }


def test_a_name_of_a_megabyte_does_not_break_the_layout(visit):
    page = visit("long").page
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.evaluate("document.querySelector('body > header').getBoundingClientRect().height") < 200
        assert page.evaluate("document.querySelector('#verdict').getBoundingClientRect().top") < 300
