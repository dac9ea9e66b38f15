"""Documents from templates: finds a template by name, in the user's folders first, and gives it the view of a run.

Every string of a view is untrusted. Four walls stand between it and the page: autoescape; `finalize`, which shows control and
bidi characters as what they are and cuts what is too long; addresses and ids that are never made of names; and a policy in the
page that lets no script run but the one whose hash it states. A user's template is the user's code, but it may lie in a folder
that came with somebody's pull request: it runs in Jinja's sandbox, which takes nothing away from a template that only shows.
"""

import base64
import difflib
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

import tickbench
from tickbench.errors import InputError, UsageError
from tickbench.render import keys, layout
from tickbench.render.charts import bars, draw, flame, heat, order, percentiles, ratios, series, shapes, waterfall
from tickbench.render.clean import shown
from tickbench.render.numbers import times
from tickbench.render.view.model import Report

OWN_FOLDER = Path("reports")  # of the user: beside where the command is given
_SUFFIX = ".j2"
_PLAIN = frozenset({Report.__module__, shapes.__name__, keys.__name__})
_HELPERS = {
    "waterfall_chart": waterfall.waterfall_chart,
    "forest_chart": ratios.forest_chart,
    "gains_chart": ratios.gains_chart,
    "state_of": ratios.state_of,
    "percentile_chart": percentiles.percentile_chart,
    "series_of": percentiles.series_of,
    "throughput_chart": bars.throughput_chart,
    "spark_chart": bars.spark_chart,
    "heat_chart": heat.heat_chart,
    "heat_data": heat.heat_data,
    "order_chart": order.order_chart,
    "sweep_chart": series.sweep_chart,
    "history_chart": series.history_chart,
    "flame_chart": flame.flame_chart,
    "drawing": draw.drawing,
    "marker": shapes.marker,
    "key_figures": keys.key_figures,
    "sentence": layout.sentence,
    "page_anchors": layout.page_anchors,
    "sort_key": layout.sort_key,
    "share_text": layout.share_text,
    "times": times,
    "meter": layout.meter,
    "widest": layout.widest,
    "cell": layout.cell,
    "extras": layout.extras,
    "noise_heads": layout.noise_heads,
    "noise_cell": layout.noise_cell,
}


def html_report(report: Report, template: str = "report", folders: Sequence[Path] = ()) -> str:
    """The page of a run; `template` is a name or a folder that holds `report.html.j2`. Raises as `document` does."""
    return document(report, template, "html", folders)


def document(report: Report, template: str, extension: str, folders: Sequence[Path] = ()) -> str:
    """Fill the template `<template>.<extension>.j2` with a view.

    Raises UsageError for a name that there is not, InputError with file and line for a template that is not right.
    """
    if "/" in template or template == ".":
        if not Path(template).is_dir():
            raise UsageError(
                f"no folder {template[:200]!r}: --template takes a name, or a folder that holds report.{extension}{_SUFFIX}"
            )
        folders, template = [Path(template), *folders], "report"
    searched = [*folders, OWN_FOLDER, *shipped_folders()]
    name = f"{template}.{extension}{_SUFFIX}"
    environment = _environment(tuple(str(folder.resolve()) for folder in searched))
    try:
        return environment.get_template(name).render(report=report)
    except jinja2.TemplateNotFound as error:
        if error.name != name:
            raise InputError(f"template {name}: it includes {error.name!r}, which is in none of {_listed(searched)}") from error
        raise UsageError(_unknown(template, extension, searched)) from error
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"template {error.filename or error.name}, line {error.lineno}: {_one_line(error)}") from error
    except (jinja2.TemplateError, SecurityError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"template {_where(error, name)}: {_one_line(error)}") from error


def shipped_folders() -> list[Path]:
    """The folders of our own templates: in the checkout beside toolkit/, in a wheel inside the package."""
    return [folder for base in tickbench.__path__ if (folder := Path(base) / "reports").is_dir()]


def data_block(value: object) -> Markup:
    """JSON for a script element of type application/json: no character in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox with a short way to what the view and its charts hold: that is plain data, and most of what a page reads."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if attribute[0] != "_" and type(obj).__module__ in _PLAIN:
            try:
                return getattr(obj, attribute)
            except AttributeError:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


@cache
def _environment(folders: tuple[str, ...]) -> _Environment:
    environment = _Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=lambda name: name is None or not name.endswith((".md.j2", ".txt.j2", ".csv.j2", ".json.j2")),
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(_HELPERS, data_block=data_block, page_style=_page_style, page_script=_page_script)
    return environment


@cache
def _inline(name: str) -> tuple[Markup, str]:
    """A shipped file for a style or script element, and the hash that the policy needs."""
    for folder in shipped_folders():
        if (path := folder / name).is_file():
            text = path.read_text(encoding="utf-8")
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
            return Markup(text), f"sha256-{digest}"
    raise InputError(f"{name} is not beside the templates: reinstall tickbench")


def _page_style() -> tuple[Markup, str]:
    return _inline("report.css")


def _page_script() -> tuple[Markup, str]:
    return _inline("report.js")


def _unknown(template: str, extension: str, folders: Sequence[Path]) -> str:
    end = f".{extension}{_SUFFIX}"
    known = sorted(
        {path.name.removesuffix(end) for folder in folders for path in folder.glob(f"*{end}") if path.name[0] != "_"}
    )
    near = difflib.get_close_matches(template, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"no template {template[:80]!r} for {extension}: {hint}there is {', '.join(known) or 'none'} (in {_listed(folders)})"


def _listed(folders: Sequence[Path]) -> str:
    return ", ".join(f"{folder}/" for folder in folders)


def _where(error: Exception, name: str) -> str:
    """File and line of the innermost template in the traceback."""
    trace, found = error.__traceback__, name
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(_SUFFIX):
            found = f"{file}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _one_line(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:300]
