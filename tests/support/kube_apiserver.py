"""A real Kubernetes API server on loopback: etcd and kube-apiserver from the folder in ``KUBEBUILDER_ASSETS``.

That is the variable of controller-runtime's envtest; ``setup-envtest use -p path`` prints such a folder. There is no
kubelet and no controller manager, so no pods run and no ``default`` service account exists.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.ports import HOST, AddressInUseError, failure, held_port, on_free_ports

START_SECONDS = 180.0
HOW_TO_GET_IT = 'export KUBEBUILDER_ASSETS="$(setup-envtest use -p path)"'

# For http:// addresses. Without it httpx loads all public CAs, which takes 50 ms of CPU time for each client.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def assets() -> Path | None:
    """Return the folder with ``kube-apiserver`` and ``etcd``, or None if the variable is not set."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(folder) if folder else None


@dataclass(frozen=True)
class SharedApiserver:
    """The address and credentials of the kube-apiserver that another process runs, as in :class:`KubeApiserver`."""

    host: str
    port: int
    ca_file: Path
    admin_token: str


class KubeApiserver:
    """etcd and kube-apiserver with RBAC. Their data is in a temporary folder that :meth:`stop` removes.

    Args:
        folder: the folder with the two programs.
        arguments: more command line arguments of kube-apiserver.

    Attributes:
        port: its port, from :meth:`start` on. No other program gets it while kube-apiserver is killed.
    """

    def __init__(self, folder: Path, arguments: Sequence[str] = ()) -> None:
        self._assets = folder
        self._arguments = tuple(arguments)
        self.directory = Path(tempfile.mkdtemp(prefix="kube-apiserver-"))
        self.host = HOST
        self.port = 0
        self._etcd_url = ""
        self._held: socket.socket | None = None
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
        """Start both programs, and wait until ``/readyz`` responds with ok.

        Raises:
            RuntimeError: it did not within START_SECONDS; the message ends with the last lines of the logs.
        """
        try:
            self._held = held_port()
            self.port = self._held.getsockname()[1]
            on_free_ports(2, self._start)
        except BaseException:
            self.stop()
            raise

    def _start(self, client_port: int, peer_port: int) -> None:
        """Start both programs, with these ports for etcd."""
        self._etcd_url = f"http://{self.host}:{client_port}"
        data = self.directory / "etcd"
        try:
            self._etcd = self._spawn(
                "etcd",
                f"--data-dir={data}",
                f"--listen-client-urls={self._etcd_url}",
                f"--advertise-client-urls={self._etcd_url}",
                f"--listen-peer-urls=http://{self.host}:{peer_port}",
                "--unsafe-no-fsync",
            )
            self.start_apiserver()
        except AddressInUseError:
            self._kill()
            # The data contains the old ports. If the next etcd ends, the old log would suggest the wrong reason.
            shutil.rmtree(data, ignore_errors=True)
            self._log("etcd").unlink()
            raise

    def start_apiserver(self) -> None:
        """Start only kube-apiserver, on the same port and data as before, and wait until it is ready."""
        at = self.directory
        self._apiserver = self._spawn(
            "kube-apiserver",
            f"--etcd-servers={self._etcd_url}",
            f"--bind-address={self.host}",
            f"--secure-port={self.port}",
            "--permit-port-sharing",
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
        """Kill kube-apiserver, as a crash would. etcd keeps the data for :meth:`start_apiserver`."""
        kill(self._apiserver)
        self._apiserver = None

    def compact(self) -> None:
        """Make etcd forget earlier revisions of its keys, as the API server itself requests every five minutes."""
        with httpx.Client(base_url=f"{self._etcd_url}/v3/kv", verify=NO_TLS, timeout=60) as client:
            # etcd's gateway expects keys in base64. This key is a zero byte.
            header = client.post("/range", json={"key": "AA=="}).raise_for_status().json()["header"]
            client.post("/compaction", json={"revision": header["revision"]}).raise_for_status()

    def stop(self) -> None:
        """Kill both programs, wait for their end, and remove the data. May be called more than once."""
        self._kill()
        if self._held is not None:
            self._held.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _kill(self) -> None:
        self.kill_apiserver()
        kill(self._etcd)
        self._etcd = None

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        # Without setpriv, a test run that is killed would leave both programs running.
        dies_with_parent = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with self._log(program).open("ab") as log:
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
                for program, process in (("etcd", self._etcd), ("kube-apiserver", self._apiserver)):
                    if process is not None and process.poll() is not None:
                        text = f"{process.args!r} ended with {process.returncode}\n{self._log_tails()}"
                        raise failure(text, self._log(program).read_text())
                if time.monotonic() > deadline:
                    raise RuntimeError(f"not ready after {START_SECONDS:.0f} s\n{self._log_tails()}")
                time.sleep(0.05)

    def _is_ready(self, client: httpx.Client) -> bool:
        try:
            return client.get(f"{self.url}/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _log(self, program: str) -> Path:
        return self.directory / f"{program}.log"

    def _log_tails(self) -> str:
        logs = sorted(self.directory.glob("*.log"))
        return "\n".join(f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-30:]) for log in logs)


@contextmanager
def running(folder: Path) -> Iterator[KubeApiserver]:
    """Run a server with the programs in this folder, until the context ends."""
    server = KubeApiserver(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def shared_apiserver(folder: Path) -> Iterator[SharedApiserver]:
    """Run a server as :func:`running` does, and return its address for other processes."""
    with running(folder) as server:
        yield SharedApiserver(server.host, server.port, server.ca_file, server.admin_token)


def kill(process: subprocess.Popen[bytes] | None) -> None:
    """Kill a process, and wait for its end."""
    if process is not None:
        process.kill()
        process.wait(timeout=60)


def bearer(token: str) -> dict[str, str]:
    """Return the header that sends the token."""
    return {"Authorization": f"Bearer {token}"}


def trust(ca_file: Path) -> ssl.SSLContext:
    """Return a context that trusts only ``ca_file``. It accepts CAs that Python 3.13's default rejects."""
    context = ssl.create_default_context(cafile=str(ca_file))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def write_certificates(directory: Path) -> None:
    """Write ca.crt, server.crt, server.key and service-account.key.

    The CA has no keyUsage and the certificate no authority key identifier. Many cluster CAs are like that, and
    OpenSSL's VERIFY_X509_STRICT, the default of Python 3.13, rejects both.
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
    """Return a certificate that is valid for a year, without extensions and not signed yet."""
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
