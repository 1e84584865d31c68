"""What 100,000 finished jobs take in a PostgreSQL database, and how quick a history of them is.

    python tests/benchmarks/database.py

A server of its own is found or installed as the tests do it, and gone afterwards. Prompts are of 60 to 180 characters, links as
long as a gateway's, and each job has what the poller saw last, as it has on a shared account.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parents[2]))
from mjvideo_nb.library import Library, Query
from tests.postgres import Cluster

JOBS = 100_000
TABLES = ("jobs", "clips")
LINK = "https://cdn.gateway.example/mj/video/'||md5(n::text)||'/'||md5((n+1)::text)||'"
PROMPT = "substr(md5(n::text) || md5((n+3)::text) || md5((n+4)::text) || md5((n+5)::text) || md5((n+6)::text), 1, 60 + (n % 120)::int)"
FILL_JOBS = f"""
INSERT INTO jobs (id, created, changed, ended, service, state, owner, person, cell, fingerprint, prompt, motion, video_type,
    no_storage, extra, frame, frame_name, task_id, status, error, error_kind, price, turn, sight, note)
SELECT substr(md5(n::text), 1, 20), 1795000000000 + n * 60000, 1795000000000 + n * 60000 + 150000,
    1795000000000 + n * 60000 + 150000, 'https://api.cometapi.com', 'done', substr(md5(n::text), 1, 16),
    'person' || n % 40, md5((n / 3)::text), md5(n::text) || md5((n+2)::text),
    {PROMPT}, 'low', 'vid_1.1_i2v_480', false, '{{}}',
    md5((n % 5000)::text) || md5((n % 5000 + 1)::text) || '.jpg', 'picture' || n % 5000 || '.jpg',
    1773314942177684 + n, 'SUCCESS', '', '', 0.6, n,
    '{{"over": true, "status": "SUCCESS", "progress": "100%", "fail_reason": "", "clips": ['
    || '{{"index": 0, "url": "{LINK}0.mp4", "thumbnail": ""}}, {{"index": 1, "url": "{LINK}1.mp4", "thumbnail": ""}}, '
    || '{{"index": 2, "url": "{LINK}2.mp4", "thumbnail": ""}}, {{"index": 3, "url": "{LINK}3.mp4", "thumbnail": ""}}], '
    || '"raw": {{"id": "' || n || '", "action": "VIDEO", "prompt": "' || {PROMPT}
    || '", "status": "SUCCESS", "progress": "100%", "submitTime": 1795000000000, "finishTime": 1795000150000, "videoUrls": ['
    || '{{"url": "{LINK}0.mp4"}}, {{"url": "{LINK}1.mp4"}}, {{"url": "{LINK}2.mp4"}}, {{"url": "{LINK}3.mp4"}}]}}}}', ''
FROM generate_series(1::bigint, :jobs) AS n
"""
FILL_CLIPS = f"""
INSERT INTO clips (job, index, url, thumbnail, path, size, digest, copy, rating)
SELECT substr(md5(n::text), 1, 20), i, '{LINK}' || i || '.mp4', '', 'clips/' || 1773314942177684 + n || '/' || i || '.mp4',
    5000000 + n, md5((n * 4 + i)::text) || md5((n * 4 + i + 1)::text), '', CASE WHEN n % 10 = 0 THEN 4 END
FROM generate_series(1::bigint, :jobs) AS n, generate_series(0, 3) AS i
"""


def main() -> None:
    """Fill one, and print."""
    with Cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder), cluster.create())

        def fill(connection: object) -> None:
            for statement in (FILL_JOBS, FILL_CLIPS):
                connection.execute(text(statement), {"jobs": JOBS})

        library._database.write(fill)
        with library._database.read() as connection:
            sizes = {
                table: connection.scalar(text(f"SELECT pg_total_relation_size('{table}')")) / JOBS for table in TABLES
            }
        whole = sum(sizes.values())
        parts = ", ".join(f"{table} {size:,.0f}" for table, size in sizes.items())
        print(f"bytes a job with 4 clips: {whole:,.0f} ({parts}); {JOBS:,} jobs: {whole * JOBS / 1e6:,.0f} MB")
        with library._database.listening() as connection:
            connection.execute(text("VACUUM ANALYZE"))  # as the server does by itself after a while
        looks = {
            "first page": lambda: library.shelf.search(Query()),
            "a search in it": lambda: library.shelf.search(Query(words="ab12")),
            "spent in all": library.spent,
            "spent by person": library.allowances.spent,
        }
        for name, look in looks.items():
            took = []
            for _ in range(5):
                begun = time.monotonic()
                look()
                took.append(time.monotonic() - begun)
            print(f"{name}: {statistics.median(took) * 1000:.0f} ms")
        library.close()


if __name__ == "__main__":
    main()
