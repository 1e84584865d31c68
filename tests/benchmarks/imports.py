"""What an import costs: `python tests/benchmarks/imports.py`. Fresh interpreters, interleaved, the fastest of each."""

import os
import subprocess
import sys
import time

RUNS = 20
# As a kernel has it: asyncio is there already.
SHELL = "import asyncio; from IPython.core.interactiveshell import InteractiveShell; InteractiveShell()"
WAYS = {
    "bare": "pass",
    "package": "import mjvideo_nb",
    "httpx": "import httpx",
    "httpx, no command line": "import sys; sys.modules['click'] = None; import httpx",
    "Client": "import mjvideo_nb; mjvideo_nb.Client",
    "httpx ready": "import asyncio, httpx; httpx.AsyncClient()",
    "IPython": SHELL,
    "load_ext": f"{SHELL}.extension_manager.load_extension('mjvideo_nb')",
    "Client ready": "import asyncio, mjvideo_nb; mjvideo_nb.Client('key')",
}
RATIOS = (
    ("package", "bare", 1.1),
    ("Client", "httpx", 1.15),
    ("Client", "httpx, no command line", 1.15),  # which httpx loads where click is installed
    ("Client ready", "httpx ready", None),
    ("load_ext", "IPython", 1.1),
)


# An installed package has its bytecode; a setting that keeps a checkout from having any would time the compiler.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    return time.perf_counter() - begun


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; best of {RUNS}")
    best = dict.fromkeys(WAYS, float("inf"))
    for _ in range(RUNS):
        for way, code in WAYS.items():
            best[way] = min(best[way], seconds(code))
    for way, code in WAYS.items():
        print(f"{best[way] * 1000:7.1f} ms  {code}")
    for ours, theirs, most in RATIOS:
        print(f"{best[ours] / best[theirs]:7.2f}     {ours} / {theirs}" + (f"; to reach: {most}" if most else ""))


if __name__ == "__main__":
    main()
