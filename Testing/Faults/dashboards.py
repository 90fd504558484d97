"""What Dask shows of a batch while it runs: its pages, fetched again and again, and its logs."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

_STARTS = (
    "status", "info/main/workers.html", "info/main/exceptions.html", "info/main/logs.html", "json/counts.json",
    "json/identity.json", "json/index.html", "metrics", "individual-plots.json",
)  # fmt: skip
_LINKED = re.compile(r'href="([^"#]+)"')
_EVERY_S = 0.3
"""Between two rounds; the smallest case takes a second."""
_LONGEST_S = 5.0


class Pages:
    """Fetches every page that can be reached, from the start of a batch to its end.

    Attributes:
        texts: What each page said, every time that it said something else.
        logs: What Dask's scheduler and workers had logged at the end.
    """

    def __init__(self) -> None:
        self.texts: dict[str, set[str]] = {}
        self.logs = ""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def watching(self, say_dashboard: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        """``LNStationLib.batch.cluster._say_dashboard``, with a look at what it tells of."""

        def told(client: Any, say: Any) -> None:
            self._thread = threading.Thread(target=self._watch, args=(client,), daemon=True)
            self._thread.start()
            say_dashboard(client, say)

        return told

    def end(self) -> None:
        """The batch is over."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def whole(self) -> str:
        """All that was seen."""
        return "\n".join([self.logs, *(text for found in self.texts.values() for text in found)])

    def _watch(self, client: Any) -> None:
        address = client.dashboard_link.removesuffix("status")
        while not self._ended.wait(_EVERY_S):
            self._round(address)
            try:
                self.logs = f"{client.get_scheduler_logs()} {client.get_worker_logs()}"
            except Exception:  # The cluster is being closed.
                return

    def _round(self, address: str) -> None:
        left, seen = [urljoin(address, start) for start in _STARTS], set()
        while left:
            page = left.pop()
            if page in seen or "/static" in page or urlsplit(page).netloc != urlsplit(address).netloc:
                continue
            seen.add(page)
            text = _fetched(page)
            self.texts.setdefault(urlsplit(page).path, set()).add(text)
            left += [urljoin(page, link) for link in _LINKED.findall(text)]


def _fetched(page: str) -> str:
    try:
        with urllib.request.urlopen(page, timeout=_LONGEST_S) as answer:
            return str(answer.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        return str(error.read().decode("utf-8", "replace"))
    except OSError:
        return ""
