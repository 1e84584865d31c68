"""The magics: `%%mjvideo` makes a video of an image and the prompt below it, `%mjvideo` tells what there is.

Nothing but IPython is loaded with them; what makes and shows videos is, when one of them is first run.
"""

from __future__ import annotations

import keyword
import re
import shlex
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.nesting import warn_of_old_nesting

from .completing import COMMANDS, OPTIONS, completions

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .history import History
    from .job import Job
    from .session import Session

__all__ = ["Told", "VideoMagics", "register", "unregister"]

FIELDS = {"--motion": "motion", "--type": "video_type", "--extend": "task_id", "--as": "as"}
"""Which field of a request an option stands for."""
MOST_TOLD = 20
"""Jobs that `%mjvideo status` names."""


class Told(str):
    """Lines to read, shown as they are at the end of a cell."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@magics_class
class VideoMagics(Magics):
    """`%%mjvideo` and `%mjvideo`."""

    @magic_arguments("%mjvideo")
    @argument(
        "image",
        nargs="?",
        default="",
        help="First frame: a path, an http(s) URL, or the name of a variable that holds one, or an image. In quotes where it "
        "has spaces; left out with --extend.",
    )
    @argument("--motion", metavar="low|high", help="How much moves (low).")
    @argument("--type", dest="video_type", metavar="480p|720p", help="Video type, or the service's name of one (480p).")
    @argument(
        "--extend", metavar="TASK:INDEX", help="Go on from a clip of a task; clips count from 0, as on the badges."
    )
    @argument("--as", dest="name", metavar="NAME", help="The variable that the job is put into.")
    @argument("--again", action="store_true", help="New clips, also where this cell has made them before.")
    @cell_magic("mjvideo")
    def make(self, line: str, cell: str) -> Job:
        """Make four clips from a still image; the prompt is the rest of the cell.

        The cell returns at once and shows a live card. Run again, it shows the job that it had made and sends nothing,
        unless --again is given. For no prompt, leave a blank line below.
        """
        from mjvideo_nb import flags

        options = _options(self.make, line)
        _check_name(options.name)
        flags.check_motion(cell, options.motion)
        job = self._extend(options, cell) if options.extend is not None else self._video(options, cell)
        if options.name:
            self.shell.user_ns[options.name] = job
        return job

    def _video(self, options: Namespace, cell: str) -> Job:
        from .api import video

        asked = {"motion": options.motion, "video_type": options.video_type}
        given = {name: value for name, value in asked.items() if value is not None}
        return video(_image(options.image, self.shell.user_ns), cell.strip(), again=options.again, **given)

    def _extend(self, options: Namespace, cell: str) -> Job:
        from mjvideo_nb.exchange import named_clip

        from . import api

        if options.image:
            raise InvalidRequest(
                f"image: an extend goes on from a clip; leave {options.image!r} out. Nothing was sent.", field="image"
            )
        task_id, index = named_clip(options.extend)
        return api.open(task_id).extend(
            index,
            motion=options.motion,
            video_type=options.video_type,
            prompt=cell.strip() or None,
            again=options.again,
        )

    @line_magic("mjvideo")
    def tell(self, line: str) -> Any:
        """%mjvideo history [everybody] | open ID | status | budget

        history: everything made in this folder, to search, rate, open and compare; on a shared account what you have made,
        or what everybody has.
        open ID: one job by its task's id, also in a new kernel, or made elsewhere.
        status: the service, and what is under way.
        budget: what was spent, what is left of the budget, and what a call costs.

        None of them sends or costs anything. `%%mjvideo IMAGE` with the prompt below it makes a video.
        """
        command, *words = line.split() or [""]
        telling: dict[str, Callable[..., Any]] = {
            "history": self._history,
            "open": self._open,
            "status": self._status,
            "budget": self._budget,
        }
        if command not in telling:
            raise InvalidRequest(
                f"command: {', '.join(COMMANDS[:-1])} or {COMMANDS[-1]}, not {command!r}. A video is made by %%mjvideo, with "
                "two percent signs, and the prompt in the lines below.",
                field="command",
            )
        if command not in {"open", "history"} and words:
            raise InvalidRequest(f"command: {command} stands alone; leave {' '.join(words)!r} out.", field="command")
        return telling[command](*words)

    def _history(self, *words: str) -> History:
        from .api import history

        if words not in {(), ("everybody",)}:
            raise InvalidRequest(
                f"command: history stands alone or with everybody; leave {' '.join(words)!r} out.", field="command"
            )
        return history(everybody=bool(words))

    def _open(self, *words: str) -> Job:
        from . import api

        if len(words) != 1:
            raise InvalidRequest(
                "task_id: open wants the id of one task, as cards show it: %mjvideo open 1773314942177684.",
                field="task_id",
            )
        return api.open(words[0])

    def _status(self) -> Told:
        from .session import current

        session = current()
        return Told("\n".join([repr(session), *filter(None, [session.problem]), *_under_way(session)]))

    def _budget(self) -> Told:
        from mjvideo_nb.models import VIDEO_TYPES

        from .session import current

        session = current()
        limit = session.limits.budget
        left = (
            "no budget is set; mj.connect(budget=10) sets one of 10 USD"
            if limit is None
            else f"{session.left:.2f} USD left of the budget of {limit:.2f} USD"
        )
        prices = [f"{short}: {session.price_words(short)}" for short in VIDEO_TYPES]
        return Told("\n".join([repr(session.library.spending()), left, *prices]))


def _options(magic: Any, line: str) -> Namespace:
    """The options, or an error like the rest: IPython's own would name neither the field nor a remedy."""
    words = shlex.shlex(line, posix=True)
    words.whitespace_split, words.commenters, words.escape = True, "", ""  # a backslash belongs to a path
    try:
        options: Namespace = magic.parser.parse_args(list(words))
    except (UsageError, ValueError) as error:
        said = str(error)
        lacking = re.search(r"argument (--\w+).*expected one argument", said)
        if lacking:
            option = lacking[1]
            raise InvalidRequest(
                f"{option}: give it a value, such as {OPTIONS[option]}. Nothing was sent.", field=FIELDS[option]
            ) from None
        known = ", ".join(OPTIONS)
        raise InvalidRequest(
            f"line: {said[:1].lower()}{said[1:]}. It takes one IMAGE, in quotes where it has spaces, and the options "
            f"{known}. Nothing was sent.",
            field="line",
        ) from None
    return options


def _check_name(name: str | None) -> None:
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
        raise InvalidRequest(f"--as: the name of a variable, such as job, not {name!r}. Nothing was sent.", field="as")


def _image(text: str, names: dict[str, Any]) -> Any:
    """A file goes before a variable of the same name: what a cell makes must not change with what else was run."""
    return names[text] if text in names and not Path(text).exists() else text


def _under_way(session: Session) -> list[str]:
    from mjvideo_nb.library import JobState, Query
    from mjvideo_nb.library.entries import OPEN

    states = tuple(OPEN | {JobState.UNCERTAIN})
    found, total = session.library.shelf.search(Query(states=states), limit=MOST_TOLD)
    if not found:
        return ["nothing is under way"]
    lines = [f"{entry.state:<10} {entry.task_id or 'no id yet'}  {entry.prompt:.60}".rstrip() for entry in found]
    if total > len(found):
        lines.append(f"and {total - len(found)} more: %mjvideo history")
    return [f"{total} under way:", *lines]


def register(shell: InteractiveShell) -> None:
    """What `%load_ext mjvideo_nb` does.

    Args:
        shell: the IPython that loads it.

    """
    warn_of_old_nesting(stacklevel=2)
    unregister(shell)
    shell.register_magics(VideoMagics)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(completions)


def unregister(shell: InteractiveShell) -> None:
    """What `%unload_ext mjvideo_nb` does.

    Args:
        shell: the IPython that had loaded it.

    """
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("mjvideo", None)
    if shell.Completer is not None:
        shell.Completer.custom_matchers[:] = [m for m in shell.Completer.custom_matchers if m is not completions]
