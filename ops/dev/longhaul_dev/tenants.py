"""The first operator, the two tenants and their keys, made once with the command line."""

from dataclasses import dataclass
from pathlib import Path

from longhaul_dev.fault import Fault
from longhaul_dev.layout import Layout
from longhaul_dev.upstream import chosen_model, is_chosen

TENANTS = ("demo", "demo2")
QUEUE = "default"
CHANGED = "has changed since it was applied"
CALLBACK_ORIGINS = ("http://127.0.0.1:*", "http://localhost:*")


@dataclass(frozen=True)
class Keys:
    """The secrets of stack.env, read from their files."""

    admin: str
    tenants: tuple[str, ...]
    webhook_secret: str


class Tenants:
    """Runs `longhaul` as the stack's account; every key lands in a file below keys/."""

    def __init__(self, layout: Layout, env: dict[str, str]) -> None:
        self._layout = layout
        self._env = env

    def key_file(self, tenant: str) -> Path:
        return self._layout.keys / f"{tenant}.key"

    @property
    def admin_key_file(self) -> Path:
        return self._layout.keys / "admin.key"

    def secret_file(self, tenant: str) -> Path:
        return self._layout.keys / f"{tenant}.webhook"

    def migrate(self) -> None:
        """Brings the database to this version's form."""
        self._longhaul("migrate", "--config", self._layout.config)

    def seal(self) -> None:
        """Makes the first epoch of key-encryption keys, once."""
        self._longhaul("epoch", "make", "--if-none", "--config", self._layout.config)

    def bootstrap(self) -> None:
        """Makes the first operator, once."""
        if not self.admin_key_file.exists():
            config = self._layout.config
            self._longhaul("bootstrap", "--config", config, "--key-file", self.admin_key_file)

    def write_profile(self, url: str, admin_url: str) -> None:
        """The profile for the command line: tenant demo, and the operator's listener."""
        lines = {
            "url": url,
            "admin_url": admin_url,
            "api_key_file": self.key_file(TENANTS[0]),
            "admin_key_file": self.admin_key_file,
            "model": chosen_model() if is_chosen() else "sim",
        }
        text = "".join(f"{key}={value}\n" for key, value in lines.items())
        self._layout.write(self._layout.profile, text)

    def create(self) -> None:
        """Makes the tenants, their keys, demo's callback origins and the default queue, once."""
        done = self._layout.keys / "tenants-made"
        if done.exists():
            return
        for tenant in TENANTS:
            if not self.secret_file(tenant).exists():
                self._admin(
                    "tenant", "create", tenant, "--webhook-secret-file", self.secret_file(tenant)
                )
            if not self.key_file(tenant).exists():
                self._admin(
                    "api-key", "create", "--tenant", tenant, "--key-file", self.key_file(tenant)
                )
        self._admin("tenant", "callback-origins", TENANTS[0], *CALLBACK_ORIGINS)
        self._admin("queue", "set", QUEUE)
        self._layout.write(done, "", 0o600, service=True)

    def forget(self) -> None:
        """Drops the keys of a database that is gone."""
        for path in self._layout.keys.iterdir():
            if path.suffix in (".key", ".webhook") or path.name == "tenants-made":
                path.unlink()

    def keys(self) -> Keys:
        return Keys(
            admin=_secret(self.admin_key_file),
            tenants=tuple(_secret(self.key_file(tenant)) for tenant in TENANTS),
            webhook_secret=_secret(self.secret_file(TENANTS[0])),
        )

    def _admin(self, *words: str | Path) -> None:
        self._longhaul(*words, "--profile", self._layout.profile)

    def _longhaul(self, *words: str | Path) -> None:
        command = [self._layout.bin / "longhaul", *words]
        run = self._layout.account.run(command, env=self._env)
        if run.returncode:
            said = (run.stderr or run.stdout).strip()
            hint = "; `make down PURGE=1` starts anew" if CHANGED in said else ""
            raise Fault(f"`longhaul {' '.join(map(str, words[:2]))}` failed: {said}{hint}")


def _secret(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
