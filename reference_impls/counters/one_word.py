"""One counter for all threads: true sharing.

    line 0   the counter     every thread writes it, by a locked add

What an engine has before anybody thought of a counter for each thread. Its line moves just as that of `shared_line`: the
difference between the two is what splitting a counter without padding it buys, which is nothing.
"""

from tickbench.components.counters.contract import CountersConfig, NativeCounters, counters_apart
from tickbench.registry import variant


@variant("counters", runtime="native", example_of="one counter that all threads add to")
def one_word(config: CountersConfig) -> NativeCounters:
    """One counter."""
    return counters_apart(0, config.threads)
