"""Tasks in the words of the protocol."""

from typing import Any

from mjvideo_nb.sandbox.tasks import Moment, Task

Json = dict[str, Any]


def submitted(task: Task) -> Json:
    """The answer to a submit that was accepted."""
    return {"code": 1, "description": "Submit success", "result": task.id, "properties": {}}


def shown(task: Task, now: Moment, base: str) -> Json:
    """A task as fetch gives it; `base` is the service's own URL, without a slash at the end."""
    done = now.status == "SUCCESS"
    urls = [f"{base}{clip_path(task, index)}" for index in range(task.batch)] if done else []
    final = f"{task.prompt} --motion {task.motion} --bs {task.batch} --video 1".strip()
    return {
        "id": task.id,
        "action": "VIDEO",
        "customId": "",
        "botType": "",
        "prompt": task.prompt,
        "promptEn": final,
        "description": f"/video {final}",
        "state": task.state,
        "submitTime": task.submitted,
        "startTime": now.started,
        "finishTime": now.finished,
        "imageUrl": f"{base}/mj/image/{task.id}" if done else "",
        "videoUrl": urls[0] if urls else "",
        "videoUrls": [{"url": url} for url in urls],
        "status": now.status,
        "progress": now.progress,
        "failReason": now.reason,
        "buttons": _buttons(task) if done else [],
        "maskBase64": "",
        "properties": {"finalPrompt": final if done else ""},
    }


def clip_path(task: Task, index: int) -> str:
    """Where a clip is: through the gateway, or with `noStorage` where it was made."""
    return f"{'/cdn/video' if task.no_storage else '/mj/video'}/{task.id}/0_{index}.mp4"


def _buttons(task: Task) -> list[Json]:
    kinds = [
        ("video_virtual_upscale", "U"),
        ("animate_low_extend", "Extend low "),
        ("animate_high_extend", "Extend high "),
    ]
    return [
        {
            "customId": f"MJ::JOB::{kind}::{number}::{task.id}",
            "emoji": "",
            "label": f"{label}{number}",
            "type": 2,
            "style": 2,
        }
        for kind, label in kinds
        for number in range(1, task.batch + 1)
    ]
