"""A comparison for build servers: markdown for a job's summary, JUnit XML, annotations of GitHub's, JSON."""

import re
from collections.abc import Callable, Iterable
from xml.etree import ElementTree as ET

import msgspec

from tickbench.analysis.verdicts import Comparison, Finding
from tickbench.render.comparison import SCHEMA, by_importance, change, comparison_content, tally

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
_NOT_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!])")
_INCONCLUSIVE_SHOWN = 20  # annotations: GitHub shows ten of a kind


def comparison_document(comparison: Comparison, form: str) -> str:
    """The comparison as `json`, `markdown`, `junit` or `github`."""
    forms: dict[str, Callable[[Comparison], str]] = {"json": _json, "markdown": _markdown, "junit": _junit, "github": _github}
    return forms[form](comparison)


def _json(comparison: Comparison) -> str:
    content = {"schema": SCHEMA, **comparison_content(comparison)}
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


def _markdown(comparison: Comparison) -> str:
    lines = [f"**{_cell(tally(comparison))}**", ""]
    if comparison.veto:
        lines += [f"Not to be believed: {_cell(comparison.veto)}", ""]
    lines += ["| scenario | variant | metric | change | verdict | why |", "|---|---|---|---:|---|---|"]
    for one in by_importance(comparison):
        cells = (one.scenario, one.variant, one.metric, change(one), one.verdict, one.judgement.reason)
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    lines += ["", *(f"- {_cell(text)}" for text in _remarks(comparison))]
    return "\n".join(lines).rstrip()


def _remarks(comparison: Comparison) -> Iterable[str]:
    yield from (f"vanished: {name}" for name in comparison.vanished)
    yield from (f"new: {name}" for name in comparison.appeared)
    yield from comparison.notes


def _cell(text: str) -> str:
    return _NOT_MARKDOWN.sub(r"\\\1", " ".join(_NOT_XML.sub("", text).split()))


def _junit(comparison: Comparison) -> str:
    """One test case a scenario and variant: failed by a regression, skipped where no metric could be told."""
    cases: dict[tuple[str, str], list[Finding]] = {}
    for one in comparison.findings:
        cases.setdefault((one.scenario, one.variant), []).append(one)
    suite = ET.Element("testsuite", name="tickbench compare")
    failures = skipped = 0
    for (scenario, variant), findings in cases.items():
        case = ET.SubElement(suite, "testcase", classname=_xml(scenario), name=_xml(variant), time="0")
        said = "; ".join(f"{one.metric} {change(one)} {one.verdict}: {one.judgement.reason}" for one in findings)
        if any(one.verdict == "regression" for one in findings):
            failures += 1
            ET.SubElement(case, "failure", message=_xml(said), type="regression")
        elif comparison.veto or all(one.verdict == "inconclusive" for one in findings):
            skipped += 1
            ET.SubElement(case, "skipped", message=_xml(comparison.veto or said))
    for name in comparison.vanished:
        scenario, _, variant = name.rpartition(" ")
        case = ET.SubElement(suite, "testcase", classname=_xml(scenario), name=_xml(variant), time="0")
        skipped += 1
        ET.SubElement(case, "skipped", message="vanished: only the base measured it")
    total = str(len(cases) + len(comparison.vanished))
    for key, value in {"tests": total, "failures": str(failures), "errors": "0", "skipped": str(skipped), "time": "0"}.items():
        suite.set(key, value)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _xml(text: str) -> str:
    return _NOT_XML.sub("", text)


def _github(comparison: Comparison) -> str:
    lines = [_annotation("error", "not to be believed", comparison.veto)] if comparison.veto else []
    for one in by_importance(comparison):
        title = f"{one.verdict}: {one.scenario} {one.variant} {one.metric}"
        if one.verdict == "regression":
            lines.append(_annotation("error", title, f"{change(one)}: {one.judgement.reason}"))
        elif one.verdict == "inconclusive" and len(lines) < _INCONCLUSIVE_SHOWN:
            lines.append(_annotation("warning", title, one.judgement.reason))
    lines += [_annotation("warning", "vanished", name) for name in comparison.vanished]
    return "\n".join([*lines, _annotation("notice", "tickbench", tally(comparison))])


def _annotation(level: str, title: str, text: str) -> str:
    """One workflow command; `%`, line ends, and in the title `:` and `,` must be escaped."""
    for character, escaped in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        title, text = title.replace(character, escaped), text.replace(character, escaped)
    return f"::{level} title={title.replace(':', '%3A').replace(',', '%2C')}::{text}"
