"""How long a test waits for what has to come: a limit on hanging, not on speed."""

import time

PATIENCE = 240
"""Seconds, which a busy machine does not reach."""
LOOK = 0.02


def wait_for(happened, patience=PATIENCE):
    """Look until something is so; what the look returned."""
    deadline = time.monotonic() + patience
    while not (found := happened()):
        assert time.monotonic() < deadline, f"it is not so after {patience} s"
        time.sleep(LOOK)
    return found
