//! What integrators are told: entries of the journal, as they look from outside.
//!
//! An event is an entry that is of interest beyond the house: the same facts, the same place, no personal data. Webhooks and the feed show the same
//! payload. Not here: to whom it is told. Invariant: a type of event, once published, keeps its name and its facts.

mod facts;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    api_version::ApiVersion,
    evidence::entry::Entry,
    ids::{EventId, EvidenceId, Mode, TenantId},
};

/// How long the feed reaches back, in days. The journal itself keeps everything.
pub const FEED_DAYS: i64 = 30;

crate::words! {
    /// What integrators are told about.
    pub enum EventType {
        /// Somebody should look at an account: money that cannot be placed, a message in doubt, a letter that came back. A task says why.
        AccountReview = "account.review",
        /// An address may not be written to any more.
        AddressSuppressed = "address.suppressed",
        /// A payment or credit note settles a part of an invoice.
        AllocationMade = "allocation.made",
        /// An allocation was taken back.
        AllocationReversed = "allocation.reversed",
        /// Interest, a fixed sum or costs were charged.
        ChargeMade = "charge.made",
        /// A charge is paid.
        ChargeSettled = "charge.settled",
        /// A charge was given up.
        ChargeWaived = "charge.waived",
        /// A contact has other details.
        ContactChanged = "contact.changed",
        /// A customer has a new contact.
        ContactCreated = "contact.created",
        /// A contact is gone.
        ContactRemoved = "contact.removed",
        /// A credit decision was made.
        CreditDecided = "credit.decided",
        /// A customer has another credit limit.
        CreditLimitSet = "credit_limit.set",
        /// A credit note was recorded.
        CreditNoteRecorded = "credit_note.recorded",
        /// A credit note was withdrawn by the system that it came from; what it settled is open again.
        CreditNoteWithdrawn = "credit_note.withdrawn",
        /// A customer has other details.
        CustomerChanged = "customer.changed",
        /// A customer was recorded.
        CustomerCreated = "customer.created",
        /// A direct debit is on its way: its invoice is not reminded of.
        DirectDebitAnnounced = "direct_debit.announced",
        /// A direct debit came back.
        DirectDebitFailed = "direct_debit.failed",
        /// A direct debit was paid.
        DirectDebitSettled = "direct_debit.settled",
        /// A dispute has another owner, deadline or amount.
        DisputeChanged = "dispute.changed",
        /// An amount of an invoice is disputed; it is not reminded of meanwhile.
        DisputeOpened = "dispute.opened",
        /// A dispute has its outcome.
        DisputeResolved = "dispute.resolved",
        /// A customer's way of paying has changed.
        HabitChanged = "habit.changed",
        /// A customer or an invoice may be reminded of again.
        HoldLifted = "hold.lifted",
        /// A customer or an invoice is not reminded of for a while.
        HoldPlaced = "hold.placed",
        /// A file was imported to its end, each row as its report says.
        ImportCompleted = "import.completed",
        /// A file was given up: it cannot be read. What was imported before stays.
        ImportFailed = "import.failed",
        /// An invoice was withdrawn.
        InvoiceCancelled = "invoice.cancelled",
        /// An invoice has other details, dates or amounts.
        InvoiceChanged = "invoice.changed",
        /// An invoice was recorded.
        InvoiceCreated = "invoice.created",
        /// An invoice was not paid in time: said once, on the creditor's day after the due date of its first open instalment.
        InvoiceOverdue = "invoice.overdue",
        /// A key was found in the open and reported: it works no more.
        KeyLeaked = "key.leaked",
        /// A provider took a message.
        MessageAccepted = "message.accepted",
        /// A message came back for good: the address does not exist.
        MessageBouncedHard = "message.bounced_hard",
        /// A message came back for a passing reason.
        MessageBouncedSoft = "message.bounced_soft",
        /// A registered letter waits at the post office.
        MessageAwaitingPickup = "message.awaiting_pickup",
        /// A link in a message was followed, by a person or by a scanner.
        MessageClicked = "message.clicked",
        /// The recipient reported a message as spam.
        MessageComplained = "message.complained",
        /// A message is late; its provider keeps trying.
        MessageDeferred = "message.deferred",
        /// A message arrived, as far as its provider can tell.
        MessageDelivered = "message.delivered",
        /// A message was handed to a provider.
        MessageDispatched = "message.dispatched",
        /// A provider could not send a message.
        MessageFailed = "message.failed",
        /// A message was opened, by a person or by a program.
        MessageOpened = "message.opened",
        /// A registered letter was brought to the door.
        MessagePresented = "message.presented",
        /// The recipient refused a registered letter.
        MessageRefused = "message.refused",
        /// A message left its provider.
        MessageSent = "message.sent",
        /// A provider's own list kept a message back.
        MessageSuppressed = "message.suppressed",
        /// A registered letter was not fetched in time.
        MessageUnclaimed = "message.unclaimed",
        /// A message left its provider and did not arrive.
        MessageUndelivered = "message.undelivered",
        /// The recipient wants no more messages on this channel.
        MessageUnsubscribed = "message.unsubscribed",
        /// A payment was recorded.
        PaymentRecorded = "payment.recorded",
        /// A payment came back; what it settled is open again.
        PaymentReturned = "payment.returned",
        /// A payment plan was accepted; its dates stand for the invoices'.
        PlanAccepted = "plan.accepted",
        /// A part of a payment plan was missed: the claim is restored.
        PlanBroken = "plan.broken",
        /// A payment plan was cancelled.
        PlanCancelled = "plan.cancelled",
        /// A payment plan was paid to the end.
        PlanKept = "plan.kept",
        /// A payment plan was proposed.
        PlanProposed = "plan.proposed",
        /// A policy has a new version in force.
        PolicyActivated = "policy.activated",
        /// A promised payment did not come in time.
        PromiseBroken = "promise.broken",
        /// A promised payment came in time.
        PromiseKept = "promise.kept",
        /// A part of a promised payment came in time.
        PromisePartlyKept = "promise.partly_kept",
        /// A debtor promised to pay.
        PromiseRecorded = "promise.recorded",
        /// A promise was withdrawn.
        PromiseWithdrawn = "promise.withdrawn",
        /// A provider account fails; it is left alone for a while.
        ProviderAccountFailing = "provider_account.failing",
        /// A provider account works again.
        ProviderAccountRecovered = "provider_account.recovered",
        /// A reminder was approved and will be sent.
        ReminderApproved = "reminder.approved",
        /// A reminder will not be sent: somebody stopped it, or a payment, hold, dispute or promise overtook it.
        ReminderCancelled = "reminder.cancelled",
        /// A reminder was sent, or its task done.
        ReminderCompleted = "reminder.completed",
        /// A reminder is due: it will be sent, waits for approval, or is a person's task.
        ReminderDecided = "reminder.decided",
        /// A reminder could not be sent; a person should look.
        ReminderFailed = "reminder.failed",
        /// A reminder did not arrive and is said once more on another channel.
        ReminderStoodIn = "reminder.stood_in",
        /// A reminder is due and is not sent: `rule` says why, in the words of `explain`. Said once for as long as that lasts.
        ReminderSuppressed = "reminder.suppressed",
        /// A customer's score or profile has changed.
        ScoreChanged = "score.changed",
        /// An address may be written to again.
        SuppressionLifted = "suppression.lifted",
        /// A task has an owner or another deadline.
        TaskAssigned = "task.assigned",
        /// A task is no longer needed.
        TaskCancelled = "task.cancelled",
        /// A task was done, with an outcome.
        TaskCompleted = "task.completed",
        /// A call, a visit or a letter is to be done by a person.
        TaskGiven = "task.given",
        /// An endpoint gets no more events: it failed for days, or said that it is gone.
        WebhookEndpointDisabled = "webhook_endpoint.disabled",
        /// A test event, sent on request.
        WebhookEndpointTested = "webhook_endpoint.tested",
    }
}

/// Something that happened, as it is told by webhook and by the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"id": "evt_01jd3kq8e5fvv8m3s9tqz4x7ya", "object": "event", "type": "invoice.created", "timestamp": "2026-03-02T11:00:00Z", "livemode": true, "version": "2026-11-22",
    "sequence": 41, "data": {"id": "inv_01jd3kq8e5fvv8m3s9tqz4x7ya", "customer_id": "cus_01jd3kq8e5fvv8m3s9tqz4x7ya", "number": "F-2026-014", "currency": "EUR", "total": 120_000}}))]
pub struct Event {
    /// The event's id: the same on each attempt, in each endpoint and in the feed. The evidence entry of the same characters proves it.
    pub id: EventId,
    /// Always `event`.
    #[schema(max_length = 20, example = "event")]
    pub object: String,
    /// What happened. Expect more types than there are today.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// When it happened; on a test clock, by that clock.
    pub timestamp: DateTime<Utc>,
    /// Whether it happened in live mode.
    pub livemode: bool,
    /// The version of this payload's shape: in the feed the one that the request asks for, by webhook the endpoint's own.
    #[schema(max_length = 10, example = "2026-11-22")]
    pub version: String,
    /// Its place in the tenant's journal: of two events, the higher one happened later. Events leave gaps.
    #[schema(minimum = 0)]
    pub sequence: u64,
    /// The facts, as the type says: `id` is that of the thing it happened to. Amounts are in minor units of its `currency`.
    #[schema(value_type = Object)]
    pub data: Value,
}

impl Event {
    /// One of this type, as it might be in the newest version.
    pub fn example(kind: EventType) -> Self {
        Self {
            id: EventId::from_uuid(uuid::uuid!("0193463b-a1c5-7ef6-8a0f-2d4fe9d3f4ea")),
            object: "event".to_owned(),
            kind,
            timestamp: DateTime::from_timestamp(1_772_449_200, 0).unwrap_or_default(),
            livemode: true,
            version: ApiVersion::newest().to_string(),
            sequence: 41,
            data: kind.example(),
        }
    }

    /// The entry at this place, as an event of this version; `None` if it is nothing that integrators are told.
    pub fn of(tenant: TenantId, sequence: u64, entry: Entry, version: &ApiVersion) -> Option<Self> {
        let kind = entry.kind.parse().ok()?;
        let mut data = serde_json::Map::new();
        data.insert("id".to_owned(), Value::String(entry.subject));
        if let Value::Object(facts) = entry.body {
            data.extend(facts);
        }
        Some(Self {
            id: EventId::from_uuid(entry.id.uuid()),
            object: "event".to_owned(),
            kind,
            timestamp: entry.occurred_at,
            livemode: tenant.mode() == Mode::Live,
            version: version.to_string(),
            sequence,
            data: Value::Object(data),
        })
    }
}

impl EventId {
    /// The journal's entry that it shows.
    pub const fn entry(self) -> EvidenceId {
        EvidenceId::from_uuid(self.uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::DeliveryStatus;

    #[test]
    fn every_delivery_status_is_an_event() {
        for status in DeliveryStatus::ALL {
            assert_eq!(status.event(), format!("message.{status}"));
            assert!(status.event().parse::<EventType>().is_ok(), "{status}");
        }
    }
}
