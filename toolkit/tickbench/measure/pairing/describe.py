"""What another tickbench or tree has: `python -m tickbench.measure.pairing.describe JSON` compiles, then lists variants.

In: {"components": [...], "impls": [...]}. Out: {"order_book": ["mutex_hash", …], …}, null variants left out.
"""

import os
import sys

import msgspec


class Question(msgspec.Struct, frozen=True):
    """Components to compile and list, and the user's modules."""

    components: list[str]
    impls: list[str]


def main() -> None:
    """Answer one question on stdout."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a variant prints on import goes to stderr
    from tickbench.components.component import component_names
    from tickbench.errors import TickbenchError
    from tickbench.measure.observer import Silent
    from tickbench.measure.prepare import prepare
    from tickbench.registry import discover, load_module

    question = msgspec.json.decode(sys.argv[1], type=Question)
    try:
        for name in question.impls:
            load_module(name)
        known = [name for name in question.components if name in component_names()]
        prepare(known, question.impls, Silent())
        found = {name: [one.name for one in discover(name, question.impls)[0] if not one.null] for name in known}
    except TickbenchError as error:
        sys.exit(f"tickbench: {error}")
    answers.write(msgspec.json.encode(found))
    answers.close()


if __name__ == "__main__":
    main()
