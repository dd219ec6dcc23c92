"""Does it answer, and if it does not, what were its last words?"""

import json
import urllib.error
import urllib.request

from longhaul_dev.layout import Layout

LOG_END_BYTES = 1500
ERROR_BYTES = 65536
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


def line_words(line: str) -> str:
    """A line of a log for people: its message, and what it is about."""
    try:
        said = json.loads(line)
    except ValueError:
        return line
    if not isinstance(said, dict):
        return line
    return " ".join(str(said[key]) for key in ("message", "msg", "detail", "why") if key in said)


def last_error(layout: Layout, name: str) -> str:
    """The last error of a process, for people: logged, or said before it had a log. Empty when the
    end of its log has none."""
    path = layout.log_file(name)
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - ERROR_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    errors = [line for line in lines if _is_error(line)]
    return line_words(errors[-1]) if errors else ""


def _is_error(line: str) -> bool:
    return '"level":"error"' in line or not line.startswith(("{", "supervisor: "))
