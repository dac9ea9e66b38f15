"""A comparison for build servers: markdown for a job's summary, JUnit XML, annotations of GitHub's, JSON."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

import msgspec

from tickbench.analysis.verdicts import Comparison, place_of
from tickbench.render.comparison import by_importance, change, comparison_content, tally

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
_NOT_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!])")
_INCONCLUSIVE_SHOWN = 20  # annotations: GitHub shows ten of a kind


def comparison_document(comparison: Comparison, form: str) -> str:
    """The comparison as `json`, `markdown`, `junit` or `github`."""
    forms: dict[str, Callable[[Comparison], str]] = {"json": _json, "markdown": _markdown, "junit": _junit, "github": _github}
    return forms[form](comparison)


def _json(comparison: Comparison) -> str:
    return msgspec.json.format(msgspec.json.encode(comparison_content(comparison)), indent=2).decode()


def _markdown(comparison: Comparison) -> str:
    lines = [f"**{escape_markdown(tally(comparison))}**", ""]
    if comparison.veto:
        lines += [f"Not to be believed: {escape_markdown(comparison.veto)}", ""]
    lines += ["| scenario | variant | metric | change | verdict | why |", "|---|---|---|---:|---|---|"]
    for one in by_importance(comparison):
        cells = (one.scenario, one.variant, one.metric, change(one), one.verdict, one.judgement.reason)
        lines.append("| " + " | ".join(map(escape_markdown, cells)) + " |")
    lines += ["", *(f"- {escape_markdown(text)}" for text in _remarks(comparison))]
    return "\n".join(lines).rstrip()


def _remarks(comparison: Comparison) -> Iterable[str]:
    yield from (f"wrong: {name}" for name in comparison.wrong)
    yield from (f"not compared: {name}" for name in comparison.refused)
    yield from (f"vanished: {name}" for name in comparison.vanished)
    yield from (f"new: {name}" for name in comparison.appeared)
    yield from comparison.notes


def escape_markdown(text: str) -> str:
    """Text for one line or cell of markdown, whatever is in it."""
    return _NOT_MARKDOWN.sub(r"\\\1", " ".join(_NOT_XML.sub("", text).split()))


@dataclass
class Case:
    """What JUnit calls a test case: failed with `failures`, skipped where nothing was `told`, with what was `said`."""

    failures: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    told: bool = False


class Cases(dict[tuple[str, str], Case]):
    """Test cases by scenario and variant."""

    def of(self, scenario: str, variant: str) -> Case:
        """The case, made when it is not there."""
        return self.setdefault((scenario, variant), Case())

    def named(self, text: str) -> tuple[Case, str]:
        """The case of `scenario variant: what`, and what."""
        scenario, variant, what = place_of(text)
        return self.of(scenario, variant), what


def comparison_cases(comparison: Comparison) -> Cases:
    """One test case a scenario and variant: failed by a regression, skipped where no metric could be told."""
    cases = Cases()
    for one in comparison.findings:
        case = cases.of(one.scenario, one.variant)
        said = f"{one.metric} {change(one)} {one.verdict}: {one.judgement.reason}"
        case.said.append(comparison.veto or said)
        case.told |= one.verdict != "inconclusive" and not comparison.veto
        case.failures += [said] if one.verdict == "regression" and not comparison.veto else []
    for text in comparison.wrong:
        case, detail = cases.named(text)
        case.failures.append(f"wrong answer: {detail}")
    for text in comparison.refused:
        case, detail = cases.named(text)
        case.said.append(f"not compared: {detail}")
    for name in comparison.vanished:
        cases.named(name)[0].said.append("vanished: only the base measured it")
    return cases


def junit(name: str, cases: Cases) -> str:
    """The XML document of a test suite."""
    suite = ET.Element("testsuite", name=name)
    failures = skipped = 0
    for (scenario, variant), case in cases.items():
        element = ET.SubElement(suite, "testcase", classname=_xml(scenario), name=_xml(variant), time="0")
        if case.failures:
            failures += 1
            ET.SubElement(element, "failure", message=_xml("; ".join(case.failures)), type="failed")
        elif not case.told:
            skipped += 1
            ET.SubElement(element, "skipped", message=_xml("; ".join(dict.fromkeys(case.said))))
    totals = {"tests": len(cases), "failures": failures, "errors": 0, "skipped": skipped, "time": 0}
    for key, value in totals.items():
        suite.set(key, str(value))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _junit(comparison: Comparison) -> str:
    return junit("tickbench compare", comparison_cases(comparison))


def _xml(text: str) -> str:
    return _NOT_XML.sub("", text)


def _github(comparison: Comparison) -> str:
    lines = [annotation("error", "not to be believed", comparison.veto)] if comparison.veto else []
    for one in by_importance(comparison):
        title = f"{one.verdict}: {one.scenario} {one.variant} {one.metric}"
        if one.verdict == "regression" and not comparison.veto:
            lines.append(annotation("error", title, f"{change(one)}: {one.judgement.reason}"))
        elif one.verdict == "inconclusive" and one.effect and len(lines) < _INCONCLUSIVE_SHOWN:
            lines.append(annotation("warning", title, one.judgement.reason))
    lines += [annotation("error", "wrong answer", text) for text in comparison.wrong]
    lines += [annotation("warning", "not compared", text) for text in comparison.refused]
    lines += [annotation("warning", "vanished", name) for name in comparison.vanished]
    return "\n".join([*lines, annotation("notice", "tickbench", tally(comparison))])


def annotation(level: str, title: str, text: str) -> str:
    """One workflow command; `%`, line ends, and in the title `:` and `,` must be escaped."""
    for character, escaped in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        title, text = title.replace(character, escaped), text.replace(character, escaped)
    return f"::{level} title={title.replace(':', '%3A').replace(',', '%2C')}::{text}"
