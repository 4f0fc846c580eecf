"""When to write a checkpoint and leave: at a time, or when asked to by SIGTERM or Ctrl-C."""

import signal
import time


class Deadline:
    def __init__(self, minutes: float):
        self._at = time.time() + minutes * 60
        self._is_asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def has_passed(self) -> bool:
        return self._is_asked or time.time() > self._at

    def or_in(self, seconds: float) -> "Deadline":
        """The earlier of this and one that many seconds from now."""
        sooner = Deadline(seconds / 60)
        sooner._at = min(sooner._at, self._at)
        return sooner

    def _ask(self, _number, _frame) -> None:
        self._is_asked = True
