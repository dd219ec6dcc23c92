"""Kafka behind TLS and SASL: a real broker whose second listener asks for both."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import longhaul_dev.kafka
import pytest
from client import until
from longhaul_dev.account import service_account
from stacks import free_port, running, tenant_client

PASSWORD = "as-long-as-it-is-secret"
JAAS = (
    f'org.apache.kafka.common.security.plain.PlainLoginModule required user_longhaul="{PASSWORD}";'
)


class Guarded:
    """The files and the port of a listener that asks who is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.certificate = folder / "certificate.pem"
        self.both = folder / "both.pem"
        self.password = self.secret("password", PASSWORD)
        self.wrong = self.secret("wrong", "a guess")
        self.certify()

    def secret(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        service_account().own(path)
        return path

    def certify(self) -> None:
        """A certificate for localhost, by that name alone, which vouches for itself."""
        key = self.folder / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        command += ["-keyout", str(key), "-out", str(self.certificate)]
        subprocess.run(command, check=True, capture_output=True)
        self.both.write_text(key.read_text() + self.certificate.read_text())

    def properties(self, plain: int, controller: int) -> str:
        """Laid over the local stack's: in a file of properties the last of two rows counts."""
        rows = {
            "listeners": f"PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},"
            f"SASL_SSL://127.0.0.1:{self.port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{plain},"
            f"SASL_SSL://localhost:{self.port}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,"
            "SASL_SSL:SASL_SSL",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": JAAS,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.both,
        }
        return "".join(f"{key}={value}\n" for key, value in rows.items())

    def config(self, host: str = "localhost", password: Path | None = None) -> dict[str, Any]:
        return {
            "kafka": {
                "brokers": f"{host}:{self.port}",
                "security_protocol": "sasl_ssl",
                "ca_file": str(self.certificate),
                "sasl_mechanism": "PLAIN",
                "sasl_username": "longhaul",
                "sasl_password_file": str(password or self.password),
            }
        }


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    usual = longhaul_dev.kafka.broker_properties
    with tempfile.TemporaryDirectory(prefix="longhaul-tls-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        one = Guarded(folder)
        monkeypatch.setattr(
            longhaul_dev.kafka,
            "broker_properties",
            lambda port, controller, logs: (
                usual(port, controller, logs) + one.properties(port, controller)
            ),
        )
        yield one


def kept(stack: Any, topic: str) -> int:
    """Bytes that the broker holds of a topic; none of our programs knows its plain listener."""
    logs = stack.var.resolve() / "data/kafka/logs"
    return sum(log.stat().st_size for log in logs.glob(f"{topic}-*/*.log"))


def run_one(stack: Any) -> None:
    client = tenant_client(stack)
    job = client.submit({"kind": "noop", "input": {}})
    assert client.wait(job["id"])["state"] == "completed"
    client.close()


@pytest.mark.promises("C16")
def test_ids_move_through_a_broker_that_wants_tls_and_a_password(guarded: Guarded) -> None:
    with running("kafka-secure", config_overrides=guarded.config()) as stack:
        run_one(stack)
        until("ids went in", lambda: (run_one(stack), kept(stack, "longhaul.default"))[1] > 0)
        until("positions came back", lambda: kept(stack, "__consumer_offsets") > 0)


@pytest.mark.promises("C16")
@pytest.mark.parametrize("fault", ["a wrong password", "a certificate of another host"])
def test_a_broker_that_cannot_be_trusted_moves_nothing_and_jobs_run(
    guarded: Guarded, fault: str
) -> None:
    config = (
        guarded.config(password=guarded.wrong)
        if fault == "a wrong password"
        else guarded.config(host="127.0.0.1")
    )
    with running("kafka-untrusted", config_overrides=config) as stack:
        run_one(stack)
        run_one(stack)
        assert kept(stack, "longhaul.default") == 0
        assert kept(stack, "__consumer_offsets") == 0
