"""`tickbench list`."""

from __future__ import annotations

from typing import Any

import click

from tickbench.cli._options import Name, impls_option, json_option

SCHEMA = "tickbench.list/1"
KINDS = ("components", "variants", "scenarios", "suites", "claims", "budgets")


@click.command(name="list", short_help="Show the components, variants, scenarios, suites, claims or budgets that there are.")
@click.argument("kind", type=Name(KINDS), default="scenarios", metavar=f"[{'|'.join(KINDS)}]")
@impls_option
@json_option
def command(kind: str, impls: tuple[str, ...], as_json: bool) -> None:
    """Show what there is: scenarios (the default), suites, components, variants, claims that are tested, or budgets."""
    from tickbench.cli._output import emit_json, emit_rich
    from tickbench.render.tables import plain_table

    listers = {
        "components": _components,
        "variants": _variants,
        "scenarios": _scenarios,
        "suites": _suites,
        "claims": _claims,
        "budgets": _budgets,
    }
    rows = listers[kind](impls)
    if as_json:
        emit_json(SCHEMA, kind=kind, **{kind: rows})
    elif rows:
        columns = [name for name in rows[0] if name != "parameters"]
        emit_rich([plain_table(columns, ([_cell(row[name]) for name in columns] for row in rows))])


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "yes" if value is True else "" if value is False or value is None else str(value)


def _scenarios(_impls: tuple[str, ...]) -> list[dict[str, Any]]:
    from tickbench.measure.catalogue import all_scenarios

    return [
        {
            "id": one.id,
            "component": one.component,
            "workload": one.workload,
            "load": one.load_kind,
            "writers": one.writers,
            "readers": one.readers,
            "rounds": one.rounds,
            "seconds": one.seconds,
            "parameters": one.parameters,
            "why": one.why,
        }
        for one in all_scenarios()
    ]


def _suites(_impls: tuple[str, ...]) -> list[dict[str, Any]]:
    from tickbench.measure.catalogue import all_scenarios, suites

    grouped = suites(all_scenarios())
    return [
        {"suite": name, "scenarios": list(dict.fromkeys(one.short_name for one in members))}
        for name, members in grouped.items()
    ]


def _components(impls: tuple[str, ...]) -> list[dict[str, Any]]:
    from tickbench.components.component import component_names, find_component
    from tickbench.registry import load_module

    for name in impls:
        load_module(name)
    found = [find_component(name) for name in component_names()]
    return [
        {
            "component": one.name,
            "summary": one.summary,
            "workloads": list(one.workloads),
            "capabilities": list(one.capabilities),
        }
        for one in found
    ]


def _claims(_impls: tuple[str, ...]) -> list[dict[str, Any]]:
    from tickbench.measure.ledger import claims_file, read_claims

    return [
        {
            "id": one.id,
            "plan": one.section,
            "promise": one.promise,
            "scenario": one.scenario,
            "before": one.before,
            "after": one.after,
            "metric": one.metric,
            "gain": one.gain,
        }
        for one in read_claims(claims_file())
    ]


def _budgets(_impls: tuple[str, ...]) -> list[dict[str, Any]]:
    from tickbench.measure.budgets import budgets_file, read_budgets

    return [
        {
            "id": one.id,
            "plan": one.section,
            "priority": one.priority,
            "metric": one.metric,
            "bound": one.direction,
            "limit": one.limit,
            "unit": one.unit,
            "scenario": one.scenario,
            "variant": one.variant if one.scenario else None,
            "name": one.name,
        }
        for one in read_budgets(budgets_file())
    ]


def _variants(impls: tuple[str, ...]) -> list[dict[str, Any]]:
    from tickbench.cli._progress import ProgressLines
    from tickbench.components.component import component_names
    from tickbench.measure.prepare import prepare
    from tickbench.registry import discover, load_module

    for name in impls:
        load_module(name)
    with ProgressLines() as progress:
        prepare(component_names(), impls, progress)
    rows: list[dict[str, Any]] = []
    for component in component_names():
        variants, missing = discover(component, impls)
        rows += [
            {
                "component": one.component,
                "variant": one.name,
                "runtime": one.runtime,
                "reference": one.reference,
                "capabilities": sorted(one.capabilities),
                "available": True,
                "example_of": one.example_of,
            }
            for one in variants
        ]
        rows += [_unavailable(component, gone.module, gone.reason) for gone in missing]
    return rows


def _unavailable(component: str, module: str, reason: str) -> dict[str, Any]:
    return {
        "component": component,
        "variant": module.rpartition(".")[2],
        "runtime": None,
        "reference": False,
        "capabilities": [],
        "available": False,
        "example_of": reason,
    }
