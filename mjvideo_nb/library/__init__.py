"""What lasts: requests, tasks, clips, first frames, ratings and money, in a folder beside the notebook."""

from .entries import Entry, JobState, KeptClip
from .library import Library, open_library
from .money import Spending, Sum
from .shelf import Query

__all__ = ["Entry", "JobState", "KeptClip", "Library", "Query", "Spending", "Sum", "open_library"]
