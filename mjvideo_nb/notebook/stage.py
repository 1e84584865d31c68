"""A job's card in the notebook: its status, its clips playing in step, and the buttons under each clip.

The card is a picture of a job, not the job: it is told what to show and calls back when something is pressed. It knows
nothing of the service, of threads or of files.
"""

from __future__ import annotations

import copy
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget.experimental
import traitlets

from mjvideo_nb.errors import MJVideoError

from .live import LiveWidget

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Stage"]

HERE = Path(__file__).parent
MOTIONS = ("low", "high")
STARS = (None, 1, 2, 3, 4, 5)

Answer = tuple[dict[str, Any], list[bytes]]


class Stage(LiveWidget):
    """A live card.

    Args:
        card: What to show, see `show`.
        on_extend: Called with a clip's index, a motion, and a prompt of its own or None, when its extend button is pressed.
            It must return at once; an `MJVideoError` it raises is shown at the clip. Returning means that the extend is
            on its way.
        on_choice: Called with the action of a choice that was pressed. As for `on_extend`.
        read_clip: Called with a clip's index for its bytes, only when the browser can reach neither the clip's file nor
            its URL. An `MJVideoError` or `OSError` it raises is shown in place of the clip.

    All are called in whatever thread a message of the browser arrives.
    """

    # The text, never the path: anywidget watches a path and then keeps every instance alive.
    _esm = "\n".join(
        (HERE / name).read_text(encoding="utf-8")
        for name in (
            *("parts.js", "icons.js", "clips.js", "still.js", "scope.js"),
            *("screen.js", "stars.js", "menu.js", "own.js", "large.js", "tile.js"),
            *("player.js", "bar.js", "help.js", "zoom.js", "difference.js", "modes.js"),
            "stage.js",
        )
    )
    _css = "\n".join(
        (HERE / name).read_text(encoding="utf-8")
        for name in ("theme.css", "stage.css", "stars.css", "tile.css", "modes.css")
    )

    card = traitlets.Dict().tag(sync=True)
    acts = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        *,
        card: dict[str, Any],
        on_extend: Callable[[int, str, str | None], None],
        on_choice: Callable[[str], None],
        read_clip: Callable[[int], bytes],
        on_rate: Callable[[int, int | None], None] | None = None,
        on_frame: Callable[[int, float | None, bytes], None] | None = None,
        on_delete: Callable[[int], None] | None = None,
    ) -> None:
        self._guard = threading.RLock()
        self._on_rate, self._on_frame, self._on_delete = on_rate, on_frame, on_delete
        given = {"rate": on_rate, "frame": on_frame, "delete": on_delete}
        super().__init__(card=copy.deepcopy(card), acts=[name for name, callback in given.items() if callback])
        self._on_extend = on_extend
        self._on_choice = on_choice
        self._read_clip = read_clip
        self.on_msg(self._answer)

    def show(self, card: dict[str, Any]) -> None:
        """Shows another snapshot of the job, as a whole; nothing is sent when it equals the last.

        Keys of a card (all of them, but those marked as optional):

        - `title`: the prompt; `chips`: short words about the settings; `sandbox`: whether the sandbox made it;
          `origin`: what it started from; `chain`: the parts of a clip that was extended, each with `seconds`, `words` and
          `prompt`.
        - `state`: waiting, running, done, failed or uncertain; `headline`: the same in the service's words;
          `progress`: 0-100 or None; `elapsed`: seconds up to now, which the browser ticks on while the job runs.
        - `task_id`: text or None; `error`: None or `title`, `text` and `hint`; `choices`: what can be done
          about it, each with `action`, `label` and `title`; `note`: quiet lines, or "".
        - `clips`: a list of `index`, `path` (relative to the notebook, with `/`) or None, `url` or None, `name` for
          downloads, and optionally `rating` (1-5 or None), `loose` (True where it is not in the library: no stars, no
          extend), `label` (for its badge instead of the index), `prompt` and `price` (where they are not the card's); `aspect` (optional): their width / height, if it is known before they are loaded.
        - `can_extend`: whether the clips have extend buttons; `price`: of an extend in words, or "".
        """
        # A copy, so that a card changed in place by its owner still differs from the one shown last.
        with self._guard:
            self.card = copy.deepcopy(card)

    @anywidget.experimental.command
    def extend(self, message: dict[str, Any], _buffers: list[bytes]) -> Answer:
        """Answers a press on an extend button. An answer always goes out: the button stays off until it comes."""
        index, motion, prompt = self._index(message), message.get("motion"), message.get("prompt")
        if index is None or motion not in MOTIONS or not self.card["can_extend"]:
            return _refused("This clip cannot be extended. Run the cell again.")
        own = prompt.strip() if isinstance(prompt, str) else None
        return self._do(f"extend [{index}] {motion}", partial(self._on_extend, index, motion, own))

    @anywidget.experimental.command
    def rate(self, message: dict[str, Any], _buffers: list[bytes]) -> Answer:
        """Answers when the stars are kept; the card, which says so, goes out before the answer."""
        index, stars = self._index(message), message.get("stars")
        if self._on_rate is None or index is None or stars not in STARS or isinstance(stars, bool):
            return _refused("This clip cannot be rated. Run the cell again.")
        answer = self._do(f"rate [{index}] {stars}", partial(self._on_rate, index, stars))
        if answer[0]["ok"]:
            with self._guard:
                clips = [{**clip, "rating": stars} if clip["index"] == index else clip for clip in self.card["clips"]]
                self.card = {**self.card, "clips": clips}
        return answer

    @anywidget.experimental.command
    def frame(self, message: dict[str, Any], buffers: list[bytes]) -> Answer:
        """Answers when a frame of a clip, which the browser has drawn, was taken as a first frame."""
        index, at = self._index(message), message.get("at")
        known = at is None or (isinstance(at, int | float) and at >= 0)
        if self._on_frame is None or index is None or not known or len(buffers) != 1:
            return _refused("This frame cannot be used. Run the cell again.")
        return self._do(f"frame of [{index}]", partial(self._on_frame, index, at, bytes(buffers[0])))

    @anywidget.experimental.command
    def delete(self, message: dict[str, Any], _buffers: list[bytes]) -> Answer:
        """Answers when a clip's video is in the trash."""
        index = self._index(message)
        if self._on_delete is None or index is None:
            return _refused("This cannot be deleted. Run the cell again.")
        return self._do(f"delete [{index}]", partial(self._on_delete, index))

    @anywidget.experimental.command
    def choose(self, message: dict[str, Any], _buffers: list[bytes]) -> Answer:
        """Answers a press on what can be done about a failure."""
        action = str(message.get("action"))
        if not any(choice["action"] == action for choice in self.card["choices"]):
            return _refused("This is not to be done any more. Run the cell again.")
        return self._do(f"choose {action}", partial(self._on_choice, action))

    def _do(self, what: str, act: Callable[[], None]) -> Answer:
        try:
            act()
        except MJVideoError as error:
            return _refused(str(error))
        except Exception as error:
            self.log.exception("%s", what)
            text = f"Unexpected {type(error).__name__}: {error}. Look for a new card before you press again."
            return _refused(text)
        return {"ok": True}, []

    def _answer(self, _widget: Any, message: Any, _buffers: list[bytes]) -> None:
        """Sends a clip's bytes to a browser that asked for them: as a message, so that they never enter a saved notebook."""
        if not isinstance(message, dict) or message.get("kind") != "bytes":
            return
        index = self._index(message)
        if index is None:
            return
        answer = {"kind": "bytes", "index": index}
        try:
            clip = self._read_clip(index)
        except (MJVideoError, OSError) as error:
            self.send({**answer, "ok": False, "message": str(error)})
        except Exception as error:
            self.log.exception("bytes of [%s]", index)
            self.send({**answer, "ok": False, "message": f"Unexpected {type(error).__name__}: {error}"})
        else:
            self.send({**answer, "ok": True}, [clip])

    def _index(self, message: dict[str, Any]) -> int | None:
        """The clip that a message is about, or None when this card has no such clip."""
        index = message.get("index")
        return next((clip["index"] for clip in self.card["clips"] if clip["index"] == index), None)


def _refused(message: str) -> Answer:
    return {"ok": False, "message": message}, []
