"""Every error that tickbench raises on purpose.

TickbenchError                    exit status 2 unless a subclass says otherwise
├── UsageError                    an argument, a name or a file that does not exist
├── InputError                    data that cannot be used: a capture, a scenario, a run file
├── WrongResultError              an oracle found a wrong answer (exit status 1)
├── NotMeasurableError            this machine or this build cannot do it: says what is missing
└── InvalidMeasurementError       the measurement failed, nothing is said about the code (exit status 3)
"""

EXIT_PASSED = 0
EXIT_GATE_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INVALID_MEASUREMENT = 3
EXIT_INTERRUPTED = 130


class TickbenchError(Exception):
    """Base of all errors that are meant for the user; the text says what, where, what was seen and what to do."""

    exit_status = EXIT_BAD_INPUT


class UsageError(TickbenchError):
    """A name or an argument is not known."""


class InputError(TickbenchError):
    """A file or a value in it cannot be used."""


class WrongResultError(TickbenchError):
    """A variant gave an answer that its oracle rejects."""

    exit_status = EXIT_GATE_FAILED


class NotMeasurableError(TickbenchError):
    """Something this machine or installation lacks is needed."""


class InvalidMeasurementError(TickbenchError):
    """The measurement itself failed (noise, generator lag, a lost worker)."""

    exit_status = EXIT_INVALID_MEASUREMENT
