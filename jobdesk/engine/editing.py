"""Giving a stored job other data: checked, packed and signed as when it was added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobdesk.broker import records
from jobdesk.broker.keys import Field
from jobdesk.engine.options import as_data
from jobdesk.errors import JobNotFound

if TYPE_CHECKING:
    from jobdesk.engine.catalog import Catalog


def packed_again(catalog: Catalog, name: str, job_id: str, data: Mapping[str, Any]) -> bytes:
    """The payload of a job with ``data`` in the place of its own; what hangs on the job stays.

    The stored payload is verified first, so that nothing in it is signed on somebody's behalf.
    """
    queue = catalog.queue(name)
    keys = queue.broker.keys(name)
    with queue.broker.errors("HMGET"):
        pipe = queue.broker.pipeline()
        records.ask(pipe, keys, job_id)
        records.ask_aside(pipe, keys, job_id)
        values, aside = pipe.execute()
    found = records.record(values)
    if found is None:
        raise JobNotFound(f"no job {job_id} in queue {name}")
    kind, (raw, _) = found[Field.TYPE], records.raw_values(values, aside)
    checked = catalog.task_class(name, kind).signature.bind((), as_data(data, name, kind))
    payload = queue.codec.unpack(raw or b"{}", name, job_id, kind)
    payload.data = checked
    payload.args = None  # what a continuation was given is replaced as a whole
    return queue.codec.pack(payload, name, job_id, kind)
