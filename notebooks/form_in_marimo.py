"""A form for marimo, which shows none of ipywidgets: `marimo run form_in_marimo.py`, or `marimo edit` to change it."""

import marimo

app = marimo.App(app_title="Videos from a photograph")


@app.cell
def _():
    import marimo as mo

    import mjvideo_nb as mj

    return mj, mo


@app.cell
def _(mo):
    image = mo.ui.text("coffee.jpg", label="First frame", full_width=True)
    prompt = mo.ui.text_area("steam rises slowly", label="Prompt", full_width=True)
    motion = mo.ui.radio(["low", "high"], "low", label="Motion", inline=True)
    video_type = mo.ui.radio(["480p", "720p"], "480p", label="Video type", inline=True)
    generate = mo.ui.run_button(label="Generate")
    mo.vstack([image, prompt, mo.hstack([motion, video_type, generate], justify="start", gap=2)])
    return generate, image, motion, prompt, video_type


@app.cell
def _(generate, image, mj, mo, motion, prompt, video_type):
    mo.stop(not generate.value)
    # Each press makes new clips. Without `again`, a cell that marimo runs once more shows what it has made, and sends nothing.
    job = mj.video(image.value, prompt=prompt.value, motion=motion.value, video_type=video_type.value, again=True)
    job
    return (job,)


@app.cell
def _(mj):
    mj.history()
    return


if __name__ == "__main__":
    app.run()
