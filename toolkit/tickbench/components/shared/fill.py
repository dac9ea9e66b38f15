"""Fill what carries 64-byte messages, and empty it again: compiled loops of one thread (see `shared.exchange`)."""

from tickbench.components.shared.exchange import CLAIM, PEEK, PUBLISH, RELEASE
from tickbench.components.shared.messages import SEQUENCE, is_whole, write_message
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.jit import kernel


@kernel(f"int64(pointer[{CLAIM}], pointer[{PUBLISH}], int64, int64)")
def fill(claim, publish, state, messages):
    """Send messages until all are inside or one is not taken; how many went in."""
    for sequence in range(messages):
        slot = claim(state, 0)
        if slot <= 0:
            return sequence
        write_message(slot, 0, sequence)
        if publish(state, 0, slot) != 1:
            return sequence
    return messages


@kernel(f"int64(pointer[{PEEK}], pointer[{RELEASE}], int64, int64)")
def drain(peek, release, state, messages):
    """Receive messages until all are out or one is missing, not whole or not the next; how many came out right."""
    for received in range(messages):
        slot = peek(state, 0)
        if slot <= 0 or not is_whole(slot) or load_plain(slot, SEQUENCE) != received:
            return received
        release(state, 0, slot)
    return messages
