"""A server on the loopback that speaks the part of MLflow's REST protocol that sends runs, and is as strict about it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_NAME = re.compile(r"[/\w.\- :]{1,250}")
_LIMITS = {"metrics": 1000, "params": 100, "tags": 100}


class Refused(Exception):
    """An error that the server answers with."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class Run:
    """What the server knows of one."""

    experiment: str
    name: str
    start_time: int
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    status: str = "RUNNING"
    end_time: int = 0
    deleted: bool = False


class MlflowServer:
    """Experiments and runs in memory."""

    def __init__(self) -> None:
        self.url = ""
        self.experiments: dict[str, str] = {}
        """Name -> id."""
        self.runs: dict[str, Run] = {}
        self.asked: list[str] = []
        """Operations, in order."""
        self.authorization: str | None = None
        """Of the last request."""
        self.refuses_after: int | None = None
        """Requests after which every other is refused."""

    def answer(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        """Carry out an operation."""
        self.asked.append(what)
        if self.refuses_after is not None and len(self.asked) > self.refuses_after:
            raise Refused("TEMPORARILY_UNAVAILABLE", "come back tomorrow", 503)
        known: dict[str, Callable[..., dict[str, Any]]] = {
            "experiments/get-by-name": self._get_by_name,
            "experiments/create": self._create_experiment,
            "runs/search": self._search,
            "runs/create": self._create,
            "runs/delete": self._delete,
            "runs/log-batch": self._log_batch,
            "runs/update": self._update,
        }
        if what not in known:
            raise Refused("ENDPOINT_NOT_FOUND", f"no endpoint {what}", 404)
        return known[what](**body)

    def _get_by_name(self, experiment_name: str) -> dict[str, Any]:
        if experiment_name not in self.experiments:
            raise Refused("RESOURCE_DOES_NOT_EXIST", f"Could not find experiment with name '{experiment_name}'", 404)
        return {"experiment": {"experiment_id": self.experiments[experiment_name], "lifecycle_stage": "active"}}

    def _create_experiment(self, name: str) -> dict[str, Any]:
        if name in self.experiments:
            raise Refused("RESOURCE_ALREADY_EXISTS", f"Experiment '{name}' already exists.")
        self.experiments[name] = str(len(self.experiments) + 1)
        return {"experiment_id": self.experiments[name]}

    def _search(self, experiment_ids: list[str], filter: str) -> dict[str, Any]:
        tag = re.fullmatch(r"tags\.`([^`]+)` = '([^']*)'", filter)
        if not tag:
            raise Refused("INVALID_PARAMETER_VALUE", f"Invalid filter {filter}")
        found = {
            key: run
            for key, run in self.runs.items()
            if run.experiment in experiment_ids and not run.deleted and run.tags.get(tag[1]) == tag[2]
        }
        if not found:
            return {}  # as the protocol's JSON leaves out what is empty
        return {"runs": [{"info": {"run_id": key}, "data": {"tags": _pairs(run.tags)}} for key, run in found.items()]}

    def _create(self, experiment_id: str, run_name: str, start_time: int, tags: list[dict[str, str]]) -> dict[str, Any]:
        if experiment_id not in self.experiments.values():
            raise Refused("RESOURCE_DOES_NOT_EXIST", f"No Experiment with id={experiment_id} exists", 404)
        key = f"{len(self.runs):032x}"
        self.runs[key] = Run(experiment_id, run_name, start_time)
        self._log_batch(key, tags=tags)
        return {"run": {"info": {"run_id": key}}}

    def _delete(self, run_id: str) -> dict[str, Any]:
        self.runs[run_id].deleted = True
        return {}

    def _log_batch(self, run_id: str, **kinds: list[dict[str, Any]]) -> dict[str, Any]:
        run = self.runs[run_id]
        for kind, entries in kinds.items():
            if len(entries) > _LIMITS[kind]:
                raise Refused("INVALID_PARAMETER_VALUE", f"A batch logging request can contain at most {_LIMITS[kind]} {kind}.")
            for entry in entries:
                if not _NAME.fullmatch(entry["key"]):
                    raise Refused("INVALID_PARAMETER_VALUE", f"Invalid name: '{entry['key']}'")
        for entry in kinds.get("params", []):
            if run.params.setdefault(entry["key"], entry["value"]) != entry["value"] or len(entry["value"]) > 500:
                raise Refused("INVALID_PARAMETER_VALUE", f"param {entry['key']}")
        for entry in kinds.get("tags", []):
            run.tags[entry["key"]] = entry["value"]
        for entry in kinds.get("metrics", []):
            if not isinstance(entry["timestamp"], int) or not isinstance(entry["step"], int):
                raise Refused("INVALID_PARAMETER_VALUE", f"metric {entry['key']}")
            run.metrics.append({**entry, "value": float(entry["value"])})
        return {}

    def _update(self, run_id: str, status: str, end_time: int) -> dict[str, Any]:
        self.runs[run_id].status, self.runs[run_id].end_time = status, end_time
        return {}


def _pairs(texts: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in texts.items()]


@contextmanager
def serving() -> Iterator[MlflowServer]:
    """A server for as long as it is needed."""
    server = MlflowServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: dict[str, Any]) -> None:
            server.authorization = self.headers["Authorization"]
            status, told = 200, {}
            try:
                told = server.answer(urlsplit(self.path).path.removeprefix("/api/2.0/mlflow/"), body)
            except Refused as refused:
                status, told = refused.status, {"error_code": refused.code, "message": str(refused)}
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    server.url = f"http://127.0.0.1:{httpd.server_port}"
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
