"""Our own programs as the supervisor runs them."""

import os
import signal
from collections.abc import Mapping

from longhaul_dev.layout import Layout
from longhaul_dev.spec import Spec

WORKER_DRAINED = 10  # WORKER_EXIT_DRAINED of worker/worker.h
PASSED_ON = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "SSL_CERT_FILE")


def environment(layout: Layout, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The small environment that every process of the stack gets."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(layout.root / "tmp"),
        "TMPDIR": str(layout.root / "tmp"),
        "LONGHAUL_STACK": str(layout.root),
        **kept,
        **(extra or {}),
    }


def program_spec(layout: Layout, name: str, env: dict[str, str], restart: bool) -> Spec:
    """producer-1, worker-2 and so on, each with its configuration file."""
    kind = name.partition("-")[0]
    if kind == "worker":
        layout.service_folder(layout.data / name)
    return Spec(
        name=name,
        argv=[
            str(layout.bin / f"longhaul-{kind}"),
            "--config",
            str(layout.program_config(name)),
        ],
        env=env,
        log=str(layout.log_file(name)),
        pid_file=str(layout.pid_file(name)),
        restart=restart,
        drained=WORKER_DRAINED if kind == "worker" else None,
        stop_timeout_s=40.0,
        orphan_signal=signal.SIGTERM,
    )


def simulator_spec(layout: Layout, port: int, env: dict[str, str]) -> Spec:
    """The model endpoint that answers at once; not restarted: its death must be seen."""
    return Spec(
        name="simulator",
        argv=[str(layout.bin / "simulator"), "--listen", f"127.0.0.1:{port}"],
        env=env,
        log=str(layout.log_file("simulator")),
        pid_file=str(layout.pid_file("simulator")),
    )
