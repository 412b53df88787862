"""What a schema cannot say about the requests that are generated."""

import schemathesis


@schemathesis.hook
def filter_case(context, case):
    """A cursor is signed: none that is made up is ever accepted, however well formed. The project's own tests hold cursors to that."""
    made_up = case.query and "cursor" in case.query
    return not (made_up and case.meta and case.meta.generation.mode.is_positive)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Whoever repeats a request is answered before it is asked what it was held to; so one that is to be refused is no repetition."""
    needs = any(one.name == "If-Match" and one.is_required for one in case.operation.headers)
    headers = case.headers
    if needs and headers is not None and "If-Match" not in headers:
        headers.pop("Idempotency-Key", None)
