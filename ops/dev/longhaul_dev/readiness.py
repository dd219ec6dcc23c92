"""Does it answer, and if it does not, what were its last words?"""

import urllib.error
import urllib.request

from longhaul_dev.layout import Layout

LOG_END_BYTES = 1500
ANSWER_S = 10.0


def http_answers(url: str) -> bool:
    """True for any reply below 500, asked without a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=ANSWER_S):
            return True
    except urllib.error.HTTPError as refused:
        return refused.code < 500
    except (OSError, ValueError):
        return False


def log_end(layout: Layout, name: str) -> str:
    """The end of a process's log in brackets, to stand behind a sentence about it."""
    path = layout.log_file(name)
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - LOG_END_BYTES))
        return f" ({path} ends: {log.read().decode(errors='replace').strip()})"
