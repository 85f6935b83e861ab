"""A PostgreSQL server on loopback, from the installed programs."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from support.ports import HOST, failure, on_free_ports

START_SECONDS = 30.0
STOP_SECONDS = 20.0
QUERY_SECONDS = 20.0
INSTALLATION = "install PostgreSQL's server (Debian: apt install postgresql), or put its folder with initdb on PATH"


@dataclass(frozen=True)
class Database:
    """A database with an owner of the same name."""

    postgres: Postgres
    name: str
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """The URL in SQLAlchemy's format."""
        return (
            f"postgresql+psycopg2://{self.name}:{self.password}@{self.postgres.host}:{self.postgres.port}/{self.name}"
        )

    def rows(self, query: str) -> list[list[str]]:
        """Return the rows of a query, as strings."""
        return self.postgres.rows(query, self)


class Postgres:
    """A server that requires passwords. Its data is in a temporary folder, which :meth:`stop` removes.

    Attributes:
        port: its port, from :meth:`start` on.
        version: the version of the server, while it runs.
    """

    def __init__(self) -> None:
        self.host = HOST
        self.port = 0
        self.version = ""
        self._programs = _programs()
        self._directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        # The server refuses to run as root.
        self._owner = _unprivileged_user() if os.geteuid() == 0 else None
        self._admin = Database(self, "postgres", secrets.token_hex(16))

    def start(self) -> None:
        """Create an empty cluster, start the server, and wait until it responds.

        Raises:
            RuntimeError: it does not respond within START_SECONDS; the message has the last lines of its log.
        """
        if self._owner is not None:
            os.chown(self._directory, self._owner.pw_uid, self._owner.pw_gid)
        password = self._directory / "password"
        password.write_text(self._admin.password)
        if self._owner is not None:
            os.chown(password, self._owner.pw_uid, self._owner.pw_gid)
        data = self._directory / "data"
        initdb = ["initdb", "--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8"]
        made = self._spawn(*initdb, "--locale=C", "--no-sync", "--pgdata", str(data))
        if made.wait(START_SECONDS) != 0:
            raise RuntimeError(f"initdb ended with {made.returncode}\n{self._log_tail()}")
        on_free_ports(1, lambda port: self._start(data, port))

    def _start(self, data: Path, port: int) -> None:
        self.port = port
        settings = {"listen_addresses": self.host, "port": self.port, "unix_socket_directories": "", "fsync": "off"}
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        self._process = self._spawn("postgres", "-D", str(data), *options)
        deadline = time.monotonic() + START_SECONDS
        while not self.version:
            if self._process.poll() is not None:
                log = self._log_tail()
                (self._directory / "log").unlink()
                raise failure(f"postgres ended with {self._process.returncode}\n{log}", log)
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL is not ready after {START_SECONDS:.0f} s\n{self._log_tail()}")
            done = self._psql("SHOW server_version", self._admin)
            self.version = done.stdout.partition(" ")[0].strip() if done.returncode == 0 else ""
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server, even if clients are connected, and remove the data. May be called more than once."""
        if self._process is not None:
            # SIGINT requests PostgreSQL's fast shutdown.
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(STOP_SECONDS)
            self._process = None
        shutil.rmtree(self._directory, ignore_errors=True)

    def create(self, name: str, password: str) -> Database:
        """Create a database, with an owner of that name."""
        self.rows(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'", self._admin)
        self.rows(f"CREATE DATABASE {name} OWNER {name}", self._admin)
        return Database(self, name, password)

    def rows(self, query: str, database: Database) -> list[list[str]]:
        """Return the rows of a query, as strings."""
        done = self._psql(query, database)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def _psql(self, query: str, database: Database) -> subprocess.CompletedProcess[str]:
        where = ["--host", self.host, "--port", str(self.port), "--username", database.name, "--dbname", database.name]
        options = ["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--field-separator", "\t"]
        return subprocess.run(
            [str(self._programs / "psql"), *options, *where, "--command", query],
            env={"PGPASSWORD": database.password, "PGCONNECT_TIMEOUT": "5"},
            capture_output=True,
            text=True,
            timeout=QUERY_SECONDS,
            check=False,
        )

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        # Without setpriv, a test run that is killed would leave the server running.
        dies_with_parent = ["setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []
        with (self._directory / "log").open("ab") as log:
            return subprocess.Popen(
                [*dies_with_parent, str(self._programs / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                user=None if self._owner is None else self._owner.pw_uid,
                group=None if self._owner is None else self._owner.pw_gid,
                extra_groups=None if self._owner is None else [],
            )

    def _log_tail(self) -> str:
        return "\n".join((self._directory / "log").read_text(errors="replace").splitlines()[-30:])


def _programs() -> Path:
    """Return the folder with ``initdb``, ``postgres`` and ``psql``.

    Raises:
        RuntimeError: there is none.
    """
    places = [Path(found).parent for found in [shutil.which("initdb")] if found]
    if shutil.which("pg_config"):
        done = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, timeout=10, check=True)
        places.append(Path(done.stdout.strip()))
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if all((place / program).exists() for program in ("initdb", "postgres", "psql")):
            return place
    raise RuntimeError(f"PostgreSQL is not installed, and the matrix requires it: {INSTALLATION}")


def _unprivileged_user() -> pwd.struct_passwd:
    """Return a user with few permissions."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL refuses to run as root. Create the user 'postgres' or 'nobody'")
