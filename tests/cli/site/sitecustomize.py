"""Read by every Python process of these tests at its start: how fast the embedded sandbox is, what seems not installed.

The commands themselves stay as they are: real processes, the real sandbox.
"""

import os

from mjvideo_nb.sandbox import process

if "CLI_TEST_SECONDS" in os.environ:
    process.SandboxProcess.start.__func__.__kwdefaults__["seconds"] = float(os.environ["CLI_TEST_SECONDS"])
if "CLI_TEST_MISSING" in os.environ:
    process.missing = lambda: os.environ["CLI_TEST_MISSING"].split(",")
