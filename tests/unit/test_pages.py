import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from report_samples import full_report, hostile_report
from tickbench.errors import InputError, UsageError
from tickbench.render.pages import data_block, document, html_report

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {
    "verdict",
    "budgets",
    "claims",
    "comparison",
    "scenarios",
    "sweeps",
    "memory",
    "history",
    "profiles",
    "machine",
    "method",
}


class Page(HTMLParser):
    """All start tags of a page, and what its scripts hold."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self._open = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = tag == "script"

    def handle_data(self, data):
        if self._open:
            self.scripts.append(data)
            self._open = False

    def ids(self):
        return [attrs["id"] for _, attrs in self.tags if "id" in attrs]


@pytest.fixture(scope="module")
def page():
    return Page(html_report(full_report()))


@pytest.fixture(scope="module")
def hostile():
    return html_report(hostile_report())


def test_the_page_has_all_parts_and_every_id_once(page):
    assert set(page.ids()) >= SECTIONS
    assert len(page.ids()) == len(set(page.ids()))


def test_every_link_leads_into_the_page(page):
    links = [attrs["href"] for tag, attrs in page.tags if "href" in attrs and tag != "image"]
    assert links
    assert all(link.startswith("#") and link[1:] in page.ids() for link in links)


def test_tables_have_captions_and_scopes(page):
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") > 5
    assert all(attrs.get("scope") in {"row", "col"} for tag, attrs in page.tags if tag == "th")


@pytest.mark.parametrize("make", [full_report, hostile_report])
def test_no_style_attribute_no_handler_and_nothing_from_outside(make):
    for tag, attrs in Page(html_report(make())).tags:
        assert not [name for name in attrs if name == "style" or name.startswith("on")], (tag, attrs)
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        assert not str(attrs.get("src", "data:")).startswith("http")


def test_the_policy_names_the_hashes_of_the_style_and_the_script():
    text = html_report(full_report())
    policy = next(attrs["content"] for tag, attrs in Page(text).tags if attrs.get("http-equiv") == "Content-Security-Policy")
    for element in ("style", "script"):
        body = re.search(f"<{element}>(.*?)</{element}>", text, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_hostile_texts_make_no_element_that_the_plain_page_has_not(page, hostile):
    tags = [tag for tag, _ in Page(hostile).tags]
    assert set(tags) <= {tag for tag, _ in page.tags} | {"p"}
    assert "img" not in tags
    assert tags.count("script") == [tag for tag, _ in page.tags].count("script")


def test_hostile_texts_are_shown_as_texts(hostile):
    assert "&lt;script&gt;window.hacked=1&lt;/script&gt;" in hostile
    assert "{{ 7*191 }}" in hostile
    assert "1337" not in hostile
    for hidden in "\x00\u202e\u2066\u2028":
        assert hidden not in hostile
        assert f"⟨U+{ord(hidden):04X}⟩" in hostile


def test_names_of_a_megabyte_leave_a_page_that_can_be_opened():
    assert len(html_report(hostile_report("<&" * 500_000))) < 6_000_000


def test_a_block_of_data_cannot_end_its_element():
    value = {"a": "</script><!-- & \u2028\u2029"}
    text = str(data_block(value))
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_a_template_of_the_users_own_folder_is_found_first(tmp_path, monkeypatch):
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "team.html.j2").write_text("<h1>{{ report.title }}</h1>")
    monkeypatch.chdir(tmp_path)
    assert html_report(hostile_report("<b>"), "team") == "<h1>&lt;b&gt;</h1>"


def test_the_example_of_the_readme_renders(tmp_path):
    text = (ROOT / "reports" / "README.md").read_text(encoding="utf-8")
    (tmp_path / "team.html.j2").write_text(re.search(r"```jinja\n(.*?)```", text, re.DOTALL).group(1))
    made = document(full_report(), "team", "html", [tmp_path])
    assert "budgets/order-book-update" in made
    assert "FAILED" in made


def test_an_unknown_template_says_what_was_meant_and_what_there_is():
    with pytest.raises(UsageError, match=r"no template 'reprot' for html: did you mean 'report'\? there is report"):
        html_report(full_report(), "reprot")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a\n{{ report.titel }}", r"line 2: .*no attribute 'titel'"),
        ("a\n{% if %}", r"line 2: Expected an expression"),
        ("\n\n{{ 1 // 0 }}", r"line 3: integer division"),
        ("{{ report.title.__class__.__mro__ }}", r"line 1: access to attribute '__class__'"),
        ("{% include 'none.j2' %}", r"it includes 'none.j2'"),
    ],
)
def test_a_wrong_template_is_one_line_with_file_and_line(tmp_path, text, says):
    (tmp_path / "bad.html.j2").write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        document(full_report(), "bad", "html", [tmp_path])
    assert "\n" not in str(caught.value)
    assert "bad.html.j2" in str(caught.value)


def test_a_folder_is_a_template_as_well(tmp_path):
    (tmp_path / "report.html.j2").write_text("{{ report.run }}")
    assert html_report(full_report(), f"{tmp_path}/") == full_report().run
    with pytest.raises(UsageError, match="no folder"):
        html_report(full_report(), f"{tmp_path}/none/")


def test_the_script_and_the_page_of_a_few_scenarios_are_small():
    assert len((ROOT / "reports" / "report.js").read_bytes()) < 25_000
    assert len(html_report(full_report()).encode()) < 200_000
