"""Uses the client that openapi-python-client makes of the document, as an integrator would: types in, types out.

Usage: generated.py API PLATFORM_KEY, with the generated package `client` on the path.
"""

import datetime
import sys

from client import AuthenticatedClient
from client.api.customers import create_customer, get_customer
from client.api.evidence import export_evidence
from client.api.invoices import create_invoice
from client.api.sandbox import advance_test_clock, list_outbox
from client.api.tenants import create_tenant
from client.models import (
    Advance,
    Currency,
    CustomerKind,
    ExternalKey,
    Language,
    NewContact,
    NewCustomer,
    NewInvoice,
    NewTenant,
    Problem,
)

api, platform = sys.argv[1:]


def known(answer):
    """A typed success; a problem stops the run with its words."""
    if answer.parsed is None or isinstance(answer.parsed, Problem):
        sys.exit(f"{answer.status_code}: {answer.content.decode()}")
    return answer.parsed


operator = AuthenticatedClient(base_url=api, token=platform)
tenant = NewTenant(name="Atelier SAS", jurisdiction="FR", time_zone="Europe/Paris", language=Language.FR, currency=Currency.EUR)
made = known(create_tenant.sync_detailed(client=operator, body=tenant))

client = AuthenticatedClient(base_url=api, token=made.test_key.secret)
contact = NewContact(name="Anne Martin", email="anne.martin@client.example", primary=True)
customer = NewCustomer(name="Garage Dupont", kind=CustomerKind.BUSINESS, source="erp", external_id="C-1", contacts=[contact])
customer = known(create_customer.sync_detailed(client=client, body=customer, idempotency_key="customer-1"))

today = datetime.datetime.now(datetime.UTC).date()
days = datetime.timedelta
invoice = NewInvoice(
    customer=ExternalKey(source="erp", external_id="C-1"),
    number="F-1",
    issue_date=today - days(40),
    due_date=today - days(10),
    currency=Currency.EUR,
    total=120_000,
)
invoice = known(create_invoice.sync_detailed(client=client, body=invoice))
assert (invoice.customer_id, invoice.balance) == (customer.id, 120_000), invoice

noon = datetime.datetime.combine(today + days(14), datetime.time(12), datetime.UTC)
assert known(advance_test_clock.sync_detailed(client=client, body=Advance(to=noon), prefer="wait=60")).at == noon
sent = known(list_outbox.sync_detailed(client=client)).data
assert len(sent) >= 2 and {message.address for message in sent} == {"anne.martin@client.example"}, sent

# Faults come typed, too.
fault = get_customer.sync_detailed(client=client, customer_id="cus_00000000000000000000000000").parsed
assert isinstance(fault, Problem) and fault.code == "not_found", fault
# What happened is sealed before it is exported.
lines = known(export_evidence.sync_detailed(client=client)).splitlines()
assert len(lines) > 5, lines
print(f"{len(sent)} reminders to {customer.name}, read through the generated client")
