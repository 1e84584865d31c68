"""A card of a job that is done, as the stage takes it."""

from __future__ import annotations

from typing import Any


def card(**changes: Any) -> dict[str, Any]:
    """With four clips beside the notebook, and what is changed in it."""
    clips = [{"index": index, "path": f"clips/{index}.mp4", "url": None, "name": f"{index}.mp4"} for index in range(4)]
    whole = {
        "title": "petals open",
        "chips": ["high", "480p"],
        "sandbox": False,
        "origin": "tulip.jpg",
        "state": "done",
        "headline": "4 clips",
        "progress": 100,
        "elapsed": 64.2,
        "task_id": "1773314942177684",
        "error": None,
        "chain": [],
        "choices": [],
        "note": "",
        "clips": clips,
        "can_extend": True,
        "price": "about 0.60 USD",
    }
    return {**whole, **changes}
