"""How a command says that it cannot go on: one cause, one cure, one status."""

# Statuses of `xenolith` that are not the guest's own (documented in `xenolith run --help`).
STATUS_TIMEOUT = 124
STATUS_FAILED = 125
STATUS_CRASHED = 126
STATUS_INTERRUPTED = 130
STATUS_TERMINATED = 143


class UserError(Exception):
    """Printed as `xenolith: <cause>; <cure>`, without a traceback."""

    def __init__(self, cause: str, cure: str = "", status: int = STATUS_FAILED) -> None:
        super().__init__(f"{cause}; {cure}" if cure else cause)
        self.cause = cause
        self.cure = cure
        self.status = status


class Interrupted(Exception):
    """A signal asked us to end; raised in the main thread, unwinds through every clean-up."""

    def __init__(self, status: int) -> None:
        super().__init__(f"ended by a signal, status {status}")
        self.status = status
