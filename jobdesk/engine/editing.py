"""Giving a stored job other data: checked, packed and signed as when it was added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
    with queue.broker.errors("HGET"):
        pipe = queue.broker.pipeline()
        pipe.hget(keys.job(job_id), Field.TYPE)
        pipe.hget(keys.payload(job_id), job_id)
        raw_kind, raw = pipe.execute()
    if raw_kind is None:
        raise JobNotFound(f"no job {job_id} in queue {name}")
    kind = raw_kind.decode()
    checked = catalog.task_class(name, kind).signature.bind((), as_data(data, name, kind))
    payload = queue.codec.unpack(raw or b"{}", name, job_id, kind)
    payload.data = checked
    payload.args = None  # what a continuation was given is replaced as a whole
    return queue.codec.pack(payload, name, job_id, kind)
