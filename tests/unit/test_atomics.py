"""Every ordering is in the code that the compiler emits, and counts of real threads are exact."""

import re
import threading

import numpy as np
import pytest
from numba import njit

from patience import STUCK_S
from tickbench.kernels import atomics, jit
from tickbench.kernels.memory import Block

X86 = jit.machine() in {"x86_64", "AMD64"}
LLVM_NAME = {
    "relaxed": "monotonic",
    "acquire": "acquire",
    "release": "release",
    "acq_rel": "acq_rel",
    "seq_cst": "seq_cst",
}
# A compare-exchange that fails stores nothing, so the ordering of that case has no release part.
FAILURE_NAME = {**LLVM_NAME, "release": "monotonic", "acq_rel": "acquire"}
RMW = {"exchange": "xchg", "fetch_add": "add", "fetch_and": "and", "fetch_or": "or"}
VERBS = ("load", "store", "cas", "fence", *RMW)
NAMES = sorted(
    name for name in dir(atomics) if name.startswith(tuple(f"{verb}_" for verb in VERBS)) and not name.endswith("_plain")
)
ADDRESS, ARRAY = "int64", "int64[::1]"


def split(name: str) -> tuple[str, str]:
    verb = next(verb for verb in VERBS if name.startswith(f"{verb}_"))
    return verb, name.removeprefix(f"{verb}_")


def compiled(name: str, words: str):
    """A kernel that does the one operation, compiled now: what comes from the cache cannot be inspected."""
    operation = getattr(atomics, name)
    verb = name.partition("_")[0]
    if verb == "fence":

        def kernel(words, index, a, b):
            before = atomics.load_relaxed(words, index)
            operation()
            return before + atomics.load_relaxed(words, index + 1)

    elif verb == "load":

        def kernel(words, index, a, b):
            return operation(words, index)

    elif verb == "store":

        def kernel(words, index, a, b):
            operation(words, index, a)
            return 0

    elif verb == "cas":

        def kernel(words, index, a, b):
            return operation(words, index, a, b)

    else:

        def kernel(words, index, a, b):
            return operation(words, index, a)

    return njit(f"int64({words}, int64, int64, int64)", nogil=True)(kernel)


def own_code(module: str) -> str:
    """The function itself, without its wrappers and numba's reference counting."""
    return module[module.index("\ndefine ") :].partition("\n}")[0]


def expected_ir(name: str) -> str:
    verb, ordering = split(name)
    llvm = LLVM_NAME[ordering]
    exchange = rf"cmpxchg \S+ %\S+, i64 %\S+, i64 %\S+ {llvm} {FAILURE_NAME[ordering]}"
    if verb == "load":
        return rf"load atomic i64, \S+ %\S+ {llvm}, align 8"
    if verb == "store":
        return rf"store atomic i64 %\S+, \S+ %\S+ {llvm}, align 8"
    if verb == "cas":
        return exchange
    if verb in {"fetch_and", "fetch_or"}:  # x86 has no such instruction that gives the previous value
        return rf"atomicrmw {RMW[verb]} \S+ %\S+, i64 %\S+ {llvm}|{exchange}"
    if verb == "fence":
        return rf"fence {llvm}"
    return rf"atomicrmw {RMW[verb]} \S+ %\S+, i64 %\S+ {llvm}"


def test_all_orderings_that_c11_has_are_exported():
    orderings = set(LLVM_NAME)
    exported = {verb: {split(name)[1] for name in NAMES if split(name)[0] == verb} for verb in VERBS}
    assert exported == {
        "load": {"relaxed", "acquire", "seq_cst"},
        "store": {"relaxed", "release", "seq_cst"},
        "fence": orderings - {"relaxed"},
        "cas": orderings,
        **dict.fromkeys(RMW, orderings),
    }


@pytest.mark.parametrize("words", [ADDRESS, ARRAY], ids=["address", "array"])
@pytest.mark.parametrize("name", NAMES)
def test_llvm_is_told_the_ordering_in_the_name(name, words):
    kernel = compiled(name, words)
    (module,) = kernel.inspect_llvm().values()
    ir = own_code(module)
    assert len(re.findall(expected_ir(name), ir)) == 1, name
    others = re.findall(r"= load atomic|^\s+store atomic|= atomicrmw|= cmpxchg|^\s+fence", ir, re.M)
    assert len(others) == (3 if name.startswith("fence") else 1), f"{name} emits more than one atomic instruction"


@pytest.mark.skipif(not X86, reason="reads x86-64 assembly")
@pytest.mark.parametrize("name", NAMES)
def test_x86_instructions(name):
    (text,) = compiled(name, ADDRESS).inspect_asm().values()
    body = text.partition("cpython")[0]  # the kernel itself comes before its wrapper for Python
    locked = re.search(r"\block\b|\bxchgq\b", body) is not None
    drains = re.search(r"\bmfence\b|\block\b\s+or[lq]", body) is not None
    verb, ordering = split(name)
    if verb == "exchange":
        assert re.search(r"\bxchgq\b", body)
    elif verb == "cas":
        assert re.search(r"lock\s+cmpxchgq", body)
    elif verb == "fetch_add":
        assert re.search(r"lock\s+xaddq", body)
    elif verb in RMW:
        assert re.search(r"lock\s+cmpxchgq", body), "and, or with their previous value: a loop"
    elif verb == "fence":
        assert drains == (ordering == "seq_cst")
    elif verb == "store" and ordering == "seq_cst":
        assert locked
    else:
        assert not locked
        assert not drains
        assert "movq" in body


@pytest.mark.parametrize(("name", "forbidden"), [("load_plain", "load atomic"), ("store_plain", "store atomic")])
def test_plain_accesses_are_not_atomic(name, forbidden):
    (module,) = compiled(name, ADDRESS).inspect_llvm().values()
    ir = own_code(module)
    assert forbidden not in ir
    assert re.search(r"\b(load|store) i64", ir)


@pytest.mark.parametrize("words", [ADDRESS, ARRAY], ids=["address", "array"])
def test_values_through_both_forms(words):
    def call(name, *operands):
        given = (*operands, 0, 0)[:2]
        return compiled(name, words)(array.ctypes.data if words == ADDRESS else array, 1, *given)

    array = np.array([7, 40, 9], dtype=np.int64)
    assert call("load_acquire") == 40
    assert call("fetch_add_acq_rel", -50) == 40
    assert call("exchange_acquire", 0b1100) == -10
    assert call("fetch_and_release", 0b0110) == 0b1100
    assert call("fetch_or_relaxed", 0b0001) == 0b0100
    assert call("cas_seq_cst", 99, 1) == 0b0101, "expected another value: nothing changes"
    assert call("cas_seq_cst", 0b0101, -1) == 0b0101
    call("store_release", 1 << 62)
    assert array.tolist() == [7, 1 << 62, 9]


def test_an_array_of_another_type_is_refused():
    with pytest.raises(Exception, match="load_relaxed"):
        njit("int64(int32[::1], int64)")(lambda words, index: 1 + atomics.load_relaxed(words, index))


def in_threads(threads: int, target, *arguments) -> None:
    running = [threading.Thread(target=target, args=arguments) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(timeout=STUCK_S)
    assert not any(thread.is_alive() for thread in running)


@njit("int64(int64, int64)", nogil=True)
def add_many(words, times):
    for _ in range(times):
        atomics.fetch_add_relaxed(words, 0, 1)
        while True:  # the same count by compare-exchange
            seen = atomics.load_relaxed(words, 16)
            if atomics.cas_relaxed(words, 16, seen, seen + 1) == seen:
                break
    return 0


def test_counts_of_threads_are_exact():
    threads, times = 4, 50_000
    with Block(32) as block:
        in_threads(threads, add_many, block.address, times)
        assert block.array[0] == threads * times
        assert block.array[16] == threads * times


@njit("int64(int64, int64)", nogil=True)
def send(words, messages):
    for message in range(1, messages + 1):
        atomics.store_relaxed(words, 16, message)
        atomics.store_relaxed(words, 32, -message)
        atomics.store_release(words, 0, message)
    return 0


@njit("int64(int64, int64)", nogil=True)
def wrong_receptions(words, messages):
    wrong, seen = 0, 0
    while seen < messages:
        seen = atomics.load_acquire(words, 0)
        if atomics.load_relaxed(words, 16) < seen or -atomics.load_relaxed(words, 32) < seen:
            wrong += 1
        atomics.pause()
    return wrong


def test_what_a_release_publishes_is_seen_after_the_acquire():
    messages = 200_000
    with Block(48) as block:
        receiver_result: list[int] = []
        receiver = threading.Thread(target=lambda: receiver_result.append(wrong_receptions(block.address, messages)))
        receiver.start()
        send(block.address, messages)
        receiver.join(timeout=STUCK_S)
        assert receiver_result == [0]
