"""A receiver of OpenTelemetry's metrics: OTLP over HTTP, as a collector accepts it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from support.ports import HOST


@dataclass(frozen=True)
class Measured:
    """The last state of a metric without attributes.

    Attributes:
        type: ``sum``, ``gauge``, ``histogram`` or ``exponential_histogram``.
        unit: the unit that the metric declares; empty if it declares none.
        value: the number of a sum or gauge; of a histogram, the number of its measurements.
    """

    type: str
    unit: str
    value: float


class Receiver:
    """What has arrived: every request of every process, decoded."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.requests: list[ExportMetricsServiceRequest] = []

    @property
    def variables(self) -> dict[str, str]:
        """The configuration of an Airflow that sends metrics here: every minute, and when a process ends."""
        return {
            "AIRFLOW__METRICS__OTEL_ON": "True",
            "AIRFLOW__METRICS__OTEL_HOST": HOST,
            "AIRFLOW__METRICS__OTEL_PORT": str(self._port),
        }

    def received(self, prefix: str) -> Mapping[str, Measured]:
        """Return the last state of each metric whose name begins with the prefix, by the rest of its name.

        A process sends the total since its start each time, so the last state includes all earlier ones.
        """
        return {
            metric.name.removeprefix(prefix): _measured(metric)
            for request in self.requests
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name.startswith(prefix)
        }


def _measured(metric: Metric) -> Measured:
    kind = metric.WhichOneof("data")
    assert kind is not None, metric.name
    (point,) = getattr(metric, kind).data_points
    assert not point.attributes, f"{metric.name} has attributes: {point.attributes}"
    value = point.count if "histogram" in kind else getattr(point, point.WhichOneof("value"))
    return Measured(kind, metric.unit, value)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/metrics", self.path
            found.requests.append(ExportMetricsServiceRequest.FromString(body))
            answer = ExportMetricsServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:
            """Write nothing to the terminal."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        found = Receiver(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
