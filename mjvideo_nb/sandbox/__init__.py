"""The embedded service: the protocol of the real one on loopback, with real MP4s.

It is the counterpart of the client and shares nothing with it: a shared constant would hide a shared mistake.
`SandboxProcess` starts it from another program; `python -m mjvideo_nb.sandbox` runs it by hand.
This import needs the standard library only, so that a caller can say what is missing: see `missing`.
"""

from mjvideo_nb.sandbox.process import SandboxError, SandboxProcess, missing

__all__ = ["SandboxError", "SandboxProcess", "missing"]
