"""Completed runs to a server that speaks MLflow's REST protocol, for laboratories that keep theirs there.

A recipe is an experiment there. A run is sent once, however often this is asked for: it is known by its digest, and by a mark that it
gets last. One without the mark was cut off: it is deleted there and sent anew, since metrics that are sent twice stand there twice.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import urllib.request
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode

from sracl.errors import ResourceError, UsageError
from sracl.recipes.flat import flat
from sracl.registry.address import objection
from sracl.sharing.discreet import discreet
from sracl.sharing.export import IMPORTED, chosen
from sracl.tracking import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader

_SECONDS = 60
"""To wait for an answer."""

_METRICS, _PARAMETERS, _TAGS = 1000, 100, 100
"""Taken in one request."""

_LONGEST = 500
"""Characters of a parameter that every version takes; tags may be longer."""

_DIGEST, _WHOLE = "sracl.digest", "sracl.whole"


@dataclass(frozen=True)
class Sent:
    """What became of the runs that were meant."""

    new: int
    known: int
    """There already."""
    unfinished: int
    """Not completed, so not sent."""


def send(store: Reader, url: str, selectors: Sequence[str] = (), *, project: Path, say: Callable[[str], None] = lambda line: None) -> Sent:
    """Send completed runs.

    Each has its values as parameters, the metrics of every epoch and the final ones of every split, protocol and group of users, and
    tags for the rest: what a bundle of `export` says of a run, without ranks.

    Args:
        store: Where they are.
        url: Of the server, such as `http://localhost:5000`. Who asks is told by `MLFLOW_TRACKING_TOKEN`, or by
            `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, in the environment.
        selectors: As of `export`.
        project: Folder of the store: places in it are told relative to it.
        say: Told of every run, a line each.

    Raises:
        UsageError: The address is none, or as `export.chosen`.
        ResourceError: The server cannot be reached, or refuses something.
    """
    if wrong := objection(url, key_env="MLFLOW_TRACKING_TOKEN"):
        raise UsageError(f"The address of the server {wrong}.")
    server = _Server(url)
    runs, unfinished = chosen(store, selectors)
    facts = queries.protocols(store)
    clean = discreet(project)
    experiments: dict[str, str] = {}
    new = 0
    for number, run in enumerate(runs, start=1):
        recipe = min((place.recipe for place in run.entries), default="sracl")
        if recipe not in experiments:
            experiments[recipe] = server.experiment(recipe)
        is_new = _send(server, experiments[recipe], store, run, facts, clean)
        new += is_new
        say(f"{number} of {len(runs)}: {run.id} {'sent' if is_new else 'is there'}")
    return Sent(new, len(runs) - new, unfinished)


class _Server:
    """Asks a server.

    Args:
        url: Of it.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"User-Agent": "sracl", "Content-Type": "application/json", **_credentials()}

    def experiment(self, name: str) -> str:
        """Id of the experiment of that name, which is made if there is none."""
        found = self.ask("experiments/get-by-name", query={"experiment_name": name}, or_none="RESOURCE_DOES_NOT_EXIST")
        if found is None:
            return str(self.ask("experiments/create", {"name": name})["experiment_id"])
        return str(found["experiment"]["experiment_id"])

    def ask(self, what: str, body: Mapping[str, Any] | None = None, *, query: Mapping[str, str] | None = None, or_none: str = "") -> Any:
        """Send a request.

        Args:
            what: Name of the operation.
            body: Posted; without it the request is a GET.
            query: Of a GET.
            or_none: Code of an error that is an answer, too.

        Returns:
            The answer, or None in place of that error.

        Raises:
            ResourceError: There is no answer, or another error.
        """
        address = f"{self._url}/api/2.0/mlflow/{what}{f'?{urlencode(query)}' if query else ''}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, self._headers)  # noqa: S310  # the address was checked
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                return json.load(answer)
        except HTTPError as error:
            told = _told(error)
            if or_none and told.get("error_code") == or_none:
                return None
            raise ResourceError(f"{self._url} refused {what}: {told.get('message') or error.reason or error.code}") from error
        except (URLError, OSError, ValueError) as error:
            raise ResourceError(
                f"{self._url} does not answer as an MLflow server does: {getattr(error, 'reason', None) or error}"
            ) from error


def _send(
    server: _Server, experiment: str, store: Reader, run: RunRow, protocols: Mapping[str, Mapping[str, Any]], clean: Callable[[Any], Any]
) -> bool:
    """Whether it had to be sent."""
    asked = {"experiment_ids": [experiment], "filter": f"tags.`{_DIGEST}` = '{run.digest}'"}
    for found in server.ask("runs/search", asked).get("runs", ()):
        if any(tag["key"] == _WHOLE for tag in found["data"].get("tags", ())):
            return False
        server.ask("runs/delete", {"run_id": found["info"]["run_id"]})
    began, ended = _milliseconds(run.started or run.created), _milliseconds(run.finished or run.created)
    asked_for = {"experiment_id": experiment, "run_name": clean(run.label) or run.id, "start_time": began}
    made = server.ask("runs/create", {**asked_for, "tags": _pairs({_DIGEST: run.digest})})
    key = made["run"]["info"]["run_id"]
    for kind, size, entries in (
        ("tags", _TAGS, _pairs(_tags(run, clean))),
        ("params", _PARAMETERS, _pairs({_named(path): _cut(_text(value)) for path, value in flat(clean(run.values))})),
        ("metrics", _METRICS, list(_metrics(store, run, protocols, ended))),
    ):
        for begin in range(0, len(entries), size):
            server.ask("runs/log-batch", {"run_id": key, kind: entries[begin : begin + size]})
    server.ask("runs/update", {"run_id": key, "status": "FINISHED", "end_time": ended})
    server.ask("runs/log-batch", {"run_id": key, "tags": _pairs({_WHOLE: "true"})})
    return True


def _tags(run: RunRow, clean: Callable[[Any], Any]) -> dict[str, str]:
    environment = {f"environment.{name}": value for name, value in run.environment.items() if name != IMPORTED}
    told = {
        "run": run.id,
        "dataset": run.dataset,
        "seed": run.seed,
        "recipes": sorted({place.recipe for place in run.entries}),
        "leaky": list(run.leaky),
        "tags": list(run.tags),
        "note": run.note or None,
        "sent_by": version("sracl"),
        **environment,
    }
    return {f"sracl.{_named(name)}": _cut(_text(clean(value))) for name, value in told.items() if value not in (None, [])}


def _metrics(store: Reader, run: RunRow, protocols: Mapping[str, Mapping[str, Any]], at: int) -> Iterator[dict[str, Any]]:
    """Everything measured. Times of epochs are not kept, so that all stand at one; what charts go by is the step."""

    def metric(name: str, epoch: int, value: float) -> dict[str, Any]:
        return {"key": _named(name), "value": _number(value), "timestamp": at, "step": epoch}

    for name, points in queries.series(store, run.id).items():
        yield from (metric(name, epoch, value) for epoch, value in points)
    for figure in queries.final_metrics(store, [run.id], split=None):
        seen = protocols[figure.protocol].get("seen_items", figure.protocol)
        group = "" if figure.group == "all" else f"{figure.group}."
        yield metric(f"{figure.split}.seen_{seen}.{group}{figure.name}", run.epoch or 0, figure.value)


def _credentials() -> dict[str, str]:
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        both = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}
    return {}


def _told(error: HTTPError) -> dict[str, Any]:
    """What a server says of an error, as far as it can be read."""
    try:
        told = json.load(error)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _named(name: str) -> str:
    """A name of letters that MLflow takes: `hr@10` is `hr_at_10`, `history<7` is `history_below_7`."""
    spelt = name.replace("@", "_at_").replace("<", "_below_").replace(">", "_above_")
    return re.sub(r"[^\w./ :-]", "_", spelt)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _number(value: float) -> float | str:
    """A figure as the protocol's JSON can hold it."""
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def _pairs(texts: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in texts.items()]


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
