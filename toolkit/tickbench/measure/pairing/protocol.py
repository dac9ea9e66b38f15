"""The pair protocol, version 1: lines of ASCII text between the harness and one side, which may be any executable.

The harness starts the side's command, writes one line to its stdin and waits for one line on its stdout; stderr is kept for
error messages. A side does nothing between an answer and the next line: the other side is being timed then.

    harness                     side
    hello 1                     hello 1                     the version that the side speaks
    check SEED                  digest TEXT                 process the input of this seed, hash the answers
                                wrong TEXT                  …or say what is wrong with them
    open SEED                   ready OPERATIONS            input and state are built; operations of one round
                                runs                        …or: a turn is one whole short run (`turn` without numbers)
    turn ROUNDS PRIMING         took NS                     issue PRIMING rounds, then ROUNDS rounds; ns of the latter
    turn                        took NS                     one short run; ns of a million operations
    histograms                  histograms BASE64|-         HDR V2 of single operations since open, `-` for none
    close                       closed                      the state that is left was checked and is right
                                wrong TEXT
    anything                    failed TEXT                 the side can't; it ends

End of file on stdin means: end. Both sides get the same seeds and the same numbers of rounds in the same order. A check runs
in a process of its own, so does each open … close: a side never has to undo anything.
"""

VERSION = 1

HELLO = f"hello {VERSION}"
READY, RUNS, TOOK, CLOSED = "ready", "runs", "took", "closed"
DIGEST, HISTOGRAMS = "digest", "histograms"
WRONG, FAILED = "wrong", "failed"
NOTHING = "-"  # no histogram, no digest
OPERATIONS_OF_A_RUN = 1_000_000  # what `took` is scaled to where a turn is a whole run


def one_line(text: str) -> str:
    """A text as the rest of one line."""
    return " ".join(text.split())
