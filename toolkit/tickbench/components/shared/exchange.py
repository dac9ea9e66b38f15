"""Drivers of anything that carries 64-byte messages from one to another: threads of a process, or two processes.

The operations come as function pointers, and none of them waits:

    claim(state, thread)            address of 8 words to write a message into; 0: full
    publish(state, thread, slot)    1; 0: full, try again (a transport that copies finds out here)
    peek(state, thread)             address of the oldest message; 0: there is none
    release(state, thread, slot)    1
    idle(waiter)                    called after `spin_looks` looks in vain; 0: look again

Negative answers end a driver and are its answer: what they mean is the component's matter (CLOSED: the other side is gone).

    requester: n messages ──there──▶ answerer: reads and checks all n
               waits      ◀──back──  answers with one message that repeats the last sequence
"""

from tickbench.components.shared.messages import SEQUENCE, STOP_SEQUENCE, is_whole, write_message
from tickbench.kernels.atomics import load_plain, pause, store_plain
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.jit import kernel
from tickbench.kernels.recorder import record
from tickbench.kernels.system import yield_core

CLAIM = PEEK = "int64(int64, int64)"
PUBLISH = RELEASE = "int64(int64, int64, int64)"
IDLE = "int64(int64)"

CLOSED = -1  # the other side is gone
SPIN_LOOKS = 2_000  # about 20 µs with a pause each: longer than any answer takes that somebody is working on

# words of a report
WRONG, NEXT_SEQUENCE, ROUNDS, ELAPSED_TICKS = range(4)
REPORT_WORDS = 8


@kernel(IDLE)
def give_way(waiter):
    """The idle operation of those who have nothing better to do: let another thread run."""
    yield_core()
    return 0


@kernel(f"int64(pointer[{CLAIM}], pointer[{IDLE}], int64, int64, int64, int64)")
def look_until_found(look, idle, state, thread, waiter, spin_looks):
    """Claim, or peek, until there is an address or a negative answer. Not for the first look: see `claim_slot`."""
    while True:
        for _ in range(spin_looks):
            slot = look(state, thread)
            if slot != 0:
                return slot
            pause()
        code = idle(waiter)
        if code < 0:
            return code


@kernel(f"int64(pointer[{PUBLISH}], pointer[{IDLE}], int64, int64, int64, int64, int64)")
def publish_until_done(publish, idle, state, thread, slot, waiter, spin_looks):
    """Publish until it is done or there is a negative answer."""
    while True:
        for _ in range(spin_looks):
            code = publish(state, thread, slot)
            if code != 0:
                return code
            pause()
        code = idle(waiter)
        if code < 0:
            return code


@kernel(
    f"int64(pointer[{CLAIM}], pointer[{PUBLISH}], pointer[{IDLE}], int64, int64, int64, int64, int64)",
)
def send(claim, publish, idle, state, thread, waiter, spin_looks, sequence):
    """Send one message; returns 1 or a negative answer. The producer's number in it is the thread's."""
    slot = claim(state, thread)
    if slot == 0:
        slot = look_until_found(claim, idle, state, thread, waiter, spin_looks)
    if slot < 0:
        return slot
    write_message(slot, thread, sequence)
    code = publish(state, thread, slot)
    if code == 0:
        code = publish_until_done(publish, idle, state, thread, slot, waiter, spin_looks)
    return code


@kernel(f"int64(pointer[{PEEK}], pointer[{IDLE}], int64, int64, int64, int64)")
def receive(peek, idle, state, thread, waiter, spin_looks):
    """Address of the next message, to be read and released, or a negative answer."""
    slot = peek(state, thread)
    if slot == 0:
        slot = look_until_found(peek, idle, state, thread, waiter, spin_looks)
    return slot


@kernel(
    f"int64(pointer[{CLAIM}], pointer[{PUBLISH}], pointer[{PEEK}], pointer[{RELEASE}], pointer[{IDLE}],"
    " int64, int64, int64, int64, int64, int64)"
)
def one_round(claim, publish, peek, release, idle, there, back, waiter, spin_looks, burst, sequence):
    """Send `burst` messages from `sequence` on and wait for the answer; 0 if it is right, 1 if not, or a negative answer."""
    for i in range(burst):
        code = send(claim, publish, idle, there, 0, waiter, spin_looks, sequence + i)
        if code < 0:
            return code
    slot = receive(peek, idle, back, 0, waiter, spin_looks)
    if slot < 0:
        return slot
    wrong = 0
    if load_plain(slot, SEQUENCE) != sequence + burst - 1 or not is_whole(slot):
        wrong = 1
    release(back, 0, slot)
    return wrong


@kernel(
    f"int64(pointer[{CLAIM}], pointer[{PUBLISH}], pointer[{PEEK}], pointer[{RELEASE}], pointer[{IDLE}],"
    " int64, int64, int64, int64, int64, int64, int64, int64, float64, int64, int64, int64)"
)
def request(
    claim,
    publish,
    peek,
    release,
    idle,
    there,
    back,
    waiter,
    spin_looks,
    burst,
    first_sequence,
    limit_ticks,
    source,
    ns_per_tick,
    words,
    index,
    report,
):
    """Rounds until the time is up, each timed into the histogram at (words, index); 0 or a negative answer.

    One clock reading ends a round and starts the next. report: WRONG rounds, NEXT_SEQUENCE, ROUNDS, ELAPSED_TICKS.
    """
    sequence, rounds, wrong, code = first_sequence, 0, 0, 0
    first = start = now_ticks(source)
    while start - first < limit_ticks:
        code = one_round(claim, publish, peek, release, idle, there, back, waiter, spin_looks, burst, sequence)
        if code < 0:
            break
        end = now_ticks(source)
        record(words, index, ticks_to_ns(end - start, ns_per_tick))
        start = end
        wrong += code
        sequence += burst
        rounds += 1
    store_plain(report, WRONG, wrong)
    store_plain(report, NEXT_SEQUENCE, sequence)
    store_plain(report, ROUNDS, rounds)
    store_plain(report, ELAPSED_TICKS, start - first)
    return min(code, 0)


@kernel(
    f"int64(pointer[{CLAIM}], pointer[{PUBLISH}], pointer[{PEEK}], pointer[{RELEASE}], pointer[{IDLE}],"
    " int64, int64, int64, int64, int64, int64)"
)
def answer(claim, publish, peek, release, idle, there, back, waiter, spin_looks, burst, report):
    """Answer each `burst` messages with one that repeats the last sequence, until STOP_SEQUENCE; 0 or a negative answer.

    report: WRONG counts messages out of order or with a wrong checksum, seen before they were released; NEXT_SEQUENCE.
    """
    expected, rounds = load_plain(report, NEXT_SEQUENCE), 0
    while True:
        wrong = 0
        for _ in range(burst):
            slot = receive(peek, idle, there, 0, waiter, spin_looks)
            if slot < 0:
                return slot
            sequence = load_plain(slot, SEQUENCE)
            if sequence != expected or not is_whole(slot):
                wrong += 1
            release(there, 0, slot)
            if sequence == STOP_SEQUENCE:
                return 0
            expected = sequence + 1
        code = send(claim, publish, idle, back, 0, waiter, spin_looks, expected - 1)
        if code < 0:
            return code
        rounds += 1
        store_plain(report, WRONG, load_plain(report, WRONG) + wrong)
        store_plain(report, NEXT_SEQUENCE, expected)
        store_plain(report, ROUNDS, rounds)
