"""The other process: `python -m tickbench.components.ipc.server JOB` answers messages until it is told to stop.

JOB is one JSON argument. It writes one line to stdout when its end is ready, another with its report at the end. It dies
with the process that started it.
"""

import ctypes
import json
import os
import signal
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> None:
    """Serve one job: variant, source, address, capacity, burst, core, parent_pid."""
    job: dict[str, Any] = json.loads(sys.argv[1])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != job["parent_pid"]:  # it ended before the call above
        os._exit(1)
    os.sched_setaffinity(0, {job["core"]})
    print_line({"ready": True, **_serve(job)})
    os._exit(0)


def print_line(facts: dict[str, Any]) -> None:
    """One line of JSON for the process that started this one."""
    os.write(1, json.dumps(facts).encode() + b"\n")


def _serve(job: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    from tickbench.components.ipc.contract import SERVER, IpcConfig
    from tickbench.components.shared import exchange
    from tickbench.registry import find

    variant = find("ipc", job["variant"], job["impls"])
    end = variant.build(IpcConfig(SERVER, job["address"], job["capacity"]))
    end.meet()
    report = np.zeros(exchange.REPORT_WORDS, dtype=np.int64)
    print_line({"ready": True})
    code = exchange.answer(*end.ends, job["burst"], report.ctypes.data)
    wrong, next_sequence = (int(report[word]) for word in (exchange.WRONG, exchange.NEXT_SEQUENCE))
    return {"code": int(code), "wrong": wrong, "next_sequence": next_sequence}


if __name__ == "__main__":
    main()
