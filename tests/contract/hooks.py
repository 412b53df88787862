"""What a schema cannot say about the requests that are generated."""

import atexit
import collections
import json
import os
import pathlib

import schemathesis

asked = collections.Counter()


@schemathesis.hook
def after_call(context, case, response):
    """Counts how often each operation is asked."""
    asked[case.operation.label] += 1


@atexit.register
def tell():
    if "RELANCE_ASKED" in os.environ:
        pathlib.Path(os.environ["RELANCE_ASKED"]).write_text(json.dumps(asked))


@schemathesis.hook
def filter_case(context, case):
    """Leaves out what is not what its generator takes it for."""
    query, positive = case.query or {}, case.meta and case.meta.generation.mode.is_positive
    # A cursor is signed: none that is made up is ever accepted, however well formed. The project's own tests hold cursors to that.
    if positive and "cursor" in query:
        return False
    # In a query a list of one empty word is written as an empty list is, which may be given.
    return positive or not any(value in ("", [""]) for value in query.values())


@schemathesis.hook
def before_call(context, case, kwargs):
    """Whoever repeats a request is answered before it is asked what it was held to; so one that is to be refused is no repetition."""
    needs = any(one.name == "If-Match" and one.is_required for one in case.operation.headers)
    headers = case.headers
    if needs and headers is not None and "If-Match" not in headers:
        headers.pop("Idempotency-Key", None)
