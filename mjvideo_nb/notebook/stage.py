"""A job's card in the notebook: its status, its clips playing in step, and the buttons under each clip.

The card is a picture of a job, not the job: it is told what to show and calls back when something is pressed. It knows
nothing of the service, of threads or of files.
"""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import anywidget.experimental
import traitlets

from mjvideo_nb.errors import MJVideoError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Stage"]

HERE = Path(__file__).parent
MOTIONS = ("low", "high")


class Stage(anywidget.AnyWidget):
    """A live card.

    Args:
        card: What to show, see `show`.
        on_extend: Called with a clip's index and a motion when its extend button is pressed. It must return at once; an
            `MJVideoError` it raises is shown at the clip. Returning means that the extend is on its way.
        on_choice: Called with the action of a choice that was pressed. As for `on_extend`.
        read_clip: Called with a clip's index for its bytes, only when the browser can reach neither the clip's file nor
            its URL. An `MJVideoError` or `OSError` it raises is shown in place of the clip.

    All are called in whatever thread a message of the browser arrives.
    """

    # The text, never the path: anywidget watches a path and then keeps every instance alive.
    _esm = "\n".join(
        (HERE / name).read_text(encoding="utf-8")
        for name in ("parts.js", "icons.js", "clips.js", "player.js", "bar.js", "scope.js", "tile.js", "stage.js")
    )
    _css = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("theme.css", "stage.css"))

    card = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        *,
        card: dict[str, Any],
        on_extend: Callable[[int, str], None],
        on_choice: Callable[[str], None],
        read_clip: Callable[[int], bytes],
    ) -> None:
        super().__init__(card=copy.deepcopy(card))
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
        - `clips`: a list of `index`, `path` (relative to the notebook, with `/`) or None, `url` or None, `name` for downloads,
          and `label` (optional) for its badge instead of the index; `aspect` (optional): their width / height, if it is
          known before they are loaded.
        - `can_extend`: whether the clips have extend buttons; `price`: of an extend in words, or "".
        """
        # A copy, so that a card changed in place by its owner still differs from the one shown last.
        self.card = copy.deepcopy(card)

    @anywidget.experimental.command
    def extend(self, message: dict[str, Any], _buffers: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Answers a press on an extend button. An answer always goes out: the button stays off until it comes."""
        index, motion = self._index(message), message.get("motion")
        if index is None or motion not in MOTIONS or not self.card["can_extend"]:
            return {"ok": False, "message": "This clip cannot be extended. Run the cell again."}, []
        return self._do(f"extend [{index}] {motion}", partial(self._on_extend, index, motion))

    @anywidget.experimental.command
    def choose(self, message: dict[str, Any], _buffers: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Answers a press on what can be done about a failure."""
        action = str(message.get("action"))
        if not any(choice["action"] == action for choice in self.card["choices"]):
            return {"ok": False, "message": "This is not to be done any more. Run the cell again."}, []
        return self._do(f"choose {action}", partial(self._on_choice, action))

    def _do(self, what: str, act: Callable[[], None]) -> tuple[dict[str, Any], list[bytes]]:
        try:
            act()
        except MJVideoError as error:
            return {"ok": False, "message": str(error)}, []
        except Exception as error:
            self.log.exception("%s", what)
            text = f"Unexpected {type(error).__name__}: {error}. Look for a new card before you press again."
            return {"ok": False, "message": text}, []
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
