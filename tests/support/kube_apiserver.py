"""A real Kubernetes API server on loopback: etcd and kube-apiserver from the folder in ``KUBEBUILDER_ASSETS``.

That is the variable of controller-runtime's envtest; ``setup-envtest use -p path`` prints such a folder.
There is no kubelet and no controller manager behind it, so nothing runs pods and no ``default`` service account exists.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

START_SECONDS = 180.0
HOW_TO_GET_IT = 'export KUBEBUILDER_ASSETS="$(setup-envtest use -p path)"'


def assets() -> Path | None:
    """The folder with ``kube-apiserver`` and ``etcd``, or None when the variable is not set."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(folder) if folder else None


class KubeApiserver:
    """etcd and kube-apiserver with RBAC, their data in a temporary folder that :meth:`stop` removes.

    Args:
        folder: where the two programs are.
        arguments: more command line arguments of kube-apiserver.
    """

    def __init__(self, folder: Path, arguments: Sequence[str] = ()) -> None:
        self._assets = folder
        self._arguments = tuple(arguments)
        self.directory = Path(tempfile.mkdtemp(prefix="kube-apiserver-"))
        self.host = "127.0.0.1"
        self.port, self._etcd_port, peer_port = free_ports(3)
        self._peer_url = f"http://127.0.0.1:{peer_port}"
        self.admin_token = secrets.token_hex(16)
        self._etcd: subprocess.Popen[bytes] | None = None
        self._apiserver: subprocess.Popen[bytes] | None = None
        write_certificates(self.directory)
        (self.directory / "tokens.csv").write_text(f'{self.admin_token},admin,admin,"system:masters"\n')

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.crt"

    def start(self) -> None:
        """Start both and wait until ``/readyz`` says ok.

        Raises:
            RuntimeError: it did not within START_SECONDS; the text ends with the last lines of the logs.
        """
        try:
            etcd_url = f"http://127.0.0.1:{self._etcd_port}"
            self._etcd = self._spawn(
                "etcd",
                f"--data-dir={self.directory / 'etcd'}",
                f"--listen-client-urls={etcd_url}",
                f"--advertise-client-urls={etcd_url}",
                f"--listen-peer-urls={self._peer_url}",
                "--unsafe-no-fsync",
            )
            self.start_apiserver()
        except BaseException:
            self.stop()
            raise

    def start_apiserver(self) -> None:
        """Start kube-apiserver alone, on the same port and data as before, and wait until it is ready."""
        at = self.directory
        self._apiserver = self._spawn(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            f"--bind-address={self.host}",
            f"--secure-port={self.port}",
            f"--cert-dir={at}",
            f"--tls-cert-file={at / 'server.crt'}",
            f"--tls-private-key-file={at / 'server.key'}",
            f"--token-auth-file={at / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            f"--service-account-key-file={at / 'service-account.key'}",
            f"--service-account-signing-key-file={at / 'service-account.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount",
            *self._arguments,
        )
        self._wait_until_ready()

    def kill_apiserver(self) -> None:
        """Kill kube-apiserver as a crash would; etcd keeps the data for :meth:`start_apiserver`."""
        kill(self._apiserver)
        self._apiserver = None

    def compact(self) -> None:
        """Make etcd forget what its keys were before now, as the API server itself asks of it every five minutes."""
        url = f"http://127.0.0.1:{self._etcd_port}/v3/kv"
        # Its gateway has the keys in base64; this one is a zero byte.
        header = httpx.post(f"{url}/range", json={"key": "AA=="}, timeout=60).raise_for_status().json()["header"]
        httpx.post(f"{url}/compaction", json={"revision": header["revision"]}, timeout=60).raise_for_status()

    def stop(self) -> None:
        """Kill both, wait for their end, and remove the data. May be called more than once."""
        self.kill_apiserver()
        kill(self._etcd)
        self._etcd = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        # Without it a test run that is killed leaves both programs running.
        dies_with_parent = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with (self.directory / f"{program}.log").open("ab") as log:
            return subprocess.Popen(
                [*dies_with_parent, str(self._assets / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with httpx.Client(verify=trust(self.ca_file), timeout=5, headers=bearer(self.admin_token)) as client:
            while not self._is_ready(client):
                for process in (self._etcd, self._apiserver):
                    if process is not None and process.poll() is not None:
                        raise RuntimeError(f"{process.args!r} ended with {process.returncode}\n{self._log_tails()}")
                if time.monotonic() > deadline:
                    raise RuntimeError(f"not ready after {START_SECONDS:.0f} s\n{self._log_tails()}")
                time.sleep(0.05)

    def _is_ready(self, client: httpx.Client) -> bool:
        try:
            return client.get(f"{self.url}/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _log_tails(self) -> str:
        logs = sorted(self.directory.glob("*.log"))
        return "\n".join(f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-30:]) for log in logs)


def kill(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.kill()
        process.wait(timeout=60)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def trust(ca_file: Path) -> ssl.SSLContext:
    """A context that trusts only ``ca_file``, also a CA with few extensions, which Python 3.13's default refuses."""
    context = ssl.create_default_context(cafile=str(ca_file))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def free_ports(count: int) -> list[int]:
    """Different ports that are free on loopback; all are held until the last is found."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def write_certificates(directory: Path) -> None:
    """Write ca.crt, server.crt, server.key and service-account.key.

    The CA has no keyUsage and the certificate no authority key identifier: many cluster CAs are like that, and
    OpenSSL's VERIFY_X509_STRICT, the default of Python 3.13, refuses both.
    """
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test-cluster-ca")])
    authority = certificate(ca_name, ca_key.public_key(), ca_name).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    server_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    addresses: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
    addresses += [x509.DNSName(text) for text in ("localhost", "kubernetes.default.svc")]
    server = (
        certificate(name, server_key.public_key(), ca_name)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    for file, builder in (("ca.crt", authority), ("server.crt", server)):
        signed = builder.sign(ca_key, hashes.SHA256())
        (directory / file).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    for file, key in (("server.key", server_key), ("service-account.key", ec.generate_private_key(ec.SECP256R1()))):
        (directory / file).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )


def certificate(subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365))
    )
