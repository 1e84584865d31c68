"""MP4s as files: what is in one, pictures and previews of it, several joined, and tags inside it.

Plain functions from files to files, which run in any executor; each works with paths and with clips that are on disk.
They need PyAV and Pillow, the extra `media`. A file is written under a name of its own and renamed when it is whole.
"""

from .animation import preview
from .files import check_extra, missing
from .film import Probe, probe
from .joining import reel
from .many import Tally, many
from .stills import contact_sheet, last_frame, poster
from .tags import read_tags, tag

__all__ = [
    "Probe",
    "Tally",
    "check_extra",
    "contact_sheet",
    "last_frame",
    "many",
    "missing",
    "poster",
    "preview",
    "probe",
    "read_tags",
    "reel",
    "tag",
]
