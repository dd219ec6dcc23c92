"""Where things stand in a stack's folder.

The folder itself, its programs and stack.env stay the caller's. Only what running processes
write (data, run, log, keys, tmp) is given to the account that the stack runs as, so that root
never executes a file which that account could have changed.

    VAR/stack.env        addresses and keys for scripts        VAR/run/NAME.pid   process ids
    VAR/longhaul.yaml    configuration, as the command reads   VAR/log/NAME.log   logs
    VAR/local.yaml       yours: laid over it, never written
    VAR/profile          profile of the command line           VAR/etc/NAME.yaml  one per program
    VAR/bin              the programs as they were started     VAR/keys           secrets, 0600
    VAR/data/NAME        databases, crash notes                VAR/stack.json     ports and counts
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from longhaul_dev.account import Account
from longhaul_dev.fault import Fault

REPOSITORY = Path(__file__).resolve().parents[3]
SERVICE_FOLDERS = ("run", "log", "data", "keys", "tmp")
STACK_ENTRIES = (
    *SERVICE_FOLDERS,
    "bin",
    "etc",
    "stack.env",
    "stack.json",
    "longhaul.yaml",
    "profile",
)


def cache_folder() -> Path:
    """What every stack of this clone shares: jars, class archive, formatted templates."""
    named = os.environ.get("LONGHAUL_CACHE")
    return Path(named).resolve() if named else (REPOSITORY / "var").resolve() / "cache"


@dataclass(frozen=True)
class Layout:
    """Paths below one stack's folder; `root` is its real path, free of links."""

    root: Path
    account: Account

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def config(self) -> Path:
        return self.root / "longhaul.yaml"

    @property
    def local(self) -> Path:
        """Values of whoever runs the stack; nothing here ever writes or removes it."""
        return self.root / "local.yaml"

    @property
    def base_config(self) -> Path:
        """What the last `up` configured, before local.yaml."""
        return self.root / "etc" / "base.json"

    def program_config(self, name: str) -> Path:
        """A program's own file."""
        return self.etc / f"{name}.yaml"

    @property
    def profile(self) -> Path:
        return self.root / "profile"

    @property
    def stack_env(self) -> Path:
        return self.root / "stack.env"

    @property
    def state(self) -> Path:
        return self.root / "stack.json"

    def pid_file(self, name: str) -> Path:
        return self.run / f"{name}.pid"

    def log_file(self, name: str) -> Path:
        return self.log / f"{name}.log"

    def create(self) -> None:
        """Makes the folders, each with its owner and mode."""
        for name in ("bin", "etc"):
            (self.root / name).mkdir(mode=0o755, exist_ok=True)
        for name in SERVICE_FOLDERS:
            folder = self.root / name
            folder.mkdir(mode=0o700 if name == "keys" else 0o755, exist_ok=True)
            self.account.own(folder)

    def service_folder(self, path: Path) -> Path:
        """Makes one folder of the running processes, closed to others."""
        path.mkdir(mode=0o700, exist_ok=True)
        self.account.own(path)
        return path

    def write(self, path: Path, text: str, mode: int = 0o644, service: bool = False) -> bool:
        """Puts a file in place in one step; False when it already said just this."""
        if path.exists() and path.read_text() == text and path.stat().st_mode & 0o777 == mode:
            return False
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(handle, "w") as out:
            os.fchmod(handle, mode)
            out.write(text)
        if service:
            self.account.own(fresh)
        fresh.replace(path)
        return True

    def purge(self) -> None:
        """Removes what a stack wrote; caches and the Python environment beside it stay."""
        for name in STACK_ENTRIES:
            path = self.root / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def open_layout(var: Path, account: Account) -> Layout:
    """The stack's folder, made when it is missing.

    A folder that the account cannot reach (a clone below /root, say) becomes a link to a fresh
    one below /var/tmp, which root owns.
    """
    var = var.absolute()
    if not var.exists() and not var.is_symlink():
        var.parent.mkdir(parents=True, exist_ok=True)
        if _reachable(var.parent.resolve(), account):
            var.mkdir(mode=0o755, exist_ok=True)
        else:
            var.symlink_to(_fresh_reachable_folder())
    root = var.resolve()
    if not root.is_dir():
        raise Fault(f"{var} is no folder; remove it or choose another with VAR=.")
    if not _reachable(root, account):
        raise Fault(
            f"{root} cannot be reached by user {account.name}, who runs the stack; "
            "remove the folder, or choose another with VAR=."
        )
    return Layout(root, account)


def _fresh_reachable_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="longhaul-", dir="/var/tmp"))
    folder.chmod(0o755)
    return folder


def _reachable(folder: Path, account: Account) -> bool:
    if account.is_caller():
        return True
    for part in (folder, *folder.parents):
        status = part.stat()
        if status.st_uid == account.uid:
            allowed = status.st_mode & 0o100
        elif status.st_gid == account.gid:
            allowed = status.st_mode & 0o010
        else:
            allowed = status.st_mode & 0o001
        if not allowed:
            return False
    return True
