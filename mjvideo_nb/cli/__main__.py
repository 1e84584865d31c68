"""The command line where its script is not on the search path: `python -m mjvideo_nb.cli`."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
