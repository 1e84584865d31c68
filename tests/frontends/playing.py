"""What is looked for in a page with clips."""

PLAYING = """card => {
    const all = [...card.querySelectorAll('video')];
    return all.length === 4 && all.every(video => video.currentTime > 0.2 && !video.paused);
}"""
