"""Runs over HTTP, in a blocking form: what ``application.runs.runs.Runs`` is over Kafka."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Unpack

import httpx

from runfold.events.contents.content import Content
from runfold.producers.client import RequestOptions
from runfold.producers.client.controls import Controls
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotYetError
from runfold.surfaces.client import answers, asking, transport
from runfold.surfaces.client.answers import Answer
from runfold.surfaces.client.asking import ASKS, Ask
from runfold.surfaces.client.following import Following, Until
from runfold.surfaces.client.retrying import Trying
from runfold.surfaces.client.transport import Target, transport_error


class HttpRuns(Controls[Ask, shapes.ControlOutcome]):
    """Runs of the key's tenant; any thread may use it. Runs of others are not there."""

    _says = ASKS

    def __init__(self, target: Target) -> None:
        self._target = target
        self._http = httpx.Client(**target.options())

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(self, goal: str | Content, agent: str, **options: Unpack[RequestOptions]) -> str:
        """Return the id of the run that was asked for, once the request is durable."""
        answer = self._send(asking.submit(goal, agent, **options))
        return answers.shape(shapes.RunAccepted, answers.value(answer.body)).run_id

    def status(self, run_id: str) -> shapes.RunDetail:
        """Return where a run stands."""
        return answers.shape(shapes.RunDetail, answers.value(self._send(asking.run(run_id)).body))

    def events(
        self,
        run_id: str,
        *,
        after_seq: int = 0,
        follow: bool = False,
        timeout: float | None = None,
    ) -> Iterator[shapes.Event]:
        """Yield a run's events after ``after_seq``; with ``follow`` as they come, to the last."""
        if follow:
            yield from self._followed(run_id, after_seq, Until(timeout))
            return
        while True:
            answer = self._send(asking.page(run_id, after_seq))
            page = answers.shape(shapes.EventPage, answers.value(answer.body))
            yield from page.events
            if not page.has_more or page.next_after <= after_seq:
                return
            after_seq = page.next_after

    def wait(self, run_id: str, timeout: float | None = None) -> shapes.Completion:
        """Return how a run ended, once it has; raises NotYetError after ``timeout`` seconds."""
        until = Until(timeout)
        while True:
            found = self.status(run_id)
            if found.exit is not None:
                return found.exit
            if until.is_over():
                raise NotYetError(f"Run {run_id} has not ended within {timeout:g} s; it may still.")
            for _ in self._followed(run_id, found.seq, until):
                pass

    def _sent(self, made: Ask) -> shapes.ControlOutcome:
        return answers.outcome(self._send(made))

    def _send(self, ask: Ask) -> Answer:
        trying = Trying(ask, self._target.retries)
        while True:
            try:
                answer = transport.answer_of(self._http.request(**transport.arguments(ask)))
            except httpx.HTTPError as error:
                pause = trying.pause_after_loss(sent=not isinstance(error, transport.NOT_SENT))
                if pause is None:
                    raise transport_error(error, trying) from error
            else:
                if answer.status < 300:
                    return answer
                pause = trying.pause_after(answer)
                if pause is None:
                    raise answers.error_of(answer)
            time.sleep(pause)

    def _followed(self, run_id: str, after: int, until: Until) -> Iterator[shapes.Event]:
        following = Following(run_id, after, self._target.retries)
        while not following.ended and not until.is_over():
            try:
                yield from self._listened(following, until)
            except httpx.HTTPError as error:
                pause = following.pause_after_loss()
                if until.is_over():
                    return
                if pause is None:
                    raise transport_error(error, following.trying) from error
                until.sleep(pause)

    def _listened(self, following: Following, until: Until) -> Iterator[shapes.Event]:
        request = transport.arguments(following.ask)
        with self._http.stream(**request, timeout=transport.QUIET) as response:
            if response.status_code != 200:
                response.read()
                pause = following.refused(transport.answer_of(response))
                until.sleep(pause)
                return
            with _cut(response, until):
                for piece in response.iter_bytes():
                    yield from following.take(piece)
        following.closed()


@contextmanager
def _cut(response: httpx.Response, until: Until) -> Iterator[None]:
    """Shut the connection when the time is over: a read that waits ends then, and not later."""
    left = until.left()
    if left is None:
        yield
        return
    network: Any = response.extensions["network_stream"]

    def shut() -> None:
        with suppress(OSError):
            network.get_extra_info("socket").shutdown(2)

    timer = threading.Timer(left, shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
