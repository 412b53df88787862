//! What events say: one table of names, so that a name has one shape and one meaning wherever it stands, and the names that each type of event has.
//!
//! The document publishes a schema and an example for each type, made from here. Invariant: a published name keeps its shape; the tests hold every entry that they cause to it.

use serde_json::{Map, Value, json};

use super::EventType;

/// What a fact looks like.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// An id with one of these prefixes.
    Id(&'static [&'static str]),
    /// The id of what it happened to: one of these prefixes, with a bar between them.
    Subject(&'static str),
    /// Ids with this prefix.
    Ids(&'static str),
    /// In minor units of the event's `currency`.
    Amount,
    /// A whole number, from 0 on.
    Count,
    /// A day, by the creditor's calendar.
    Date,
    /// A moment.
    Instant,
    /// ISO 4217.
    Currency,
    /// Of a vocabulary.
    Word,
    /// As somebody wrote it.
    Text,
    /// Yes or no.
    Flag,
    /// SHA-256, in hexadecimal digits.
    Digest,
    /// Words or sentences.
    Texts,
    /// With members of its own.
    Object,
    /// Things with members of their own.
    List,
}

use Shape::{Amount, Count, Currency, Date, Digest, Flag, Id, Ids, Instant, List, Object, Subject, Text, Texts, Word};

/// Every name: its shape, its meaning, an example where the shape's own would mislead.
const NAMES: &[(&str, Shape, &str, &str)] = &[
    ("accepted_on", Date, "The day on which it was accepted.", ""),
    ("accrued_until", Date, "The day up to which interest was counted.", ""),
    ("amount", Amount, "What it comes to.", ""),
    ("attempt", Count, "Which try this was, from 1 on.", ""),
    ("balance", Amount, "What is open.", ""),
    ("because", Text, "Why, in a sentence.", "nothing reached it for five days"),
    ("before", Word, "The state that it left.", "accepted"),
    ("carrying_instalment_id", Id(&["ins"]), "The instalment that gave the step.", ""),
    ("channel", Word, "The channel.", "email"),
    ("charge_id", Id(&["chg"]), "The charge.", ""),
    ("collect_on", Date, "The day on which the money is drawn.", ""),
    ("collected", List, "What is collected: invoices, each with its amount.", ""),
    ("computation", Object, "How the amount came about, line by line.", ""),
    ("contact_id", Id(&["con"]), "The person.", ""),
    ("content_sha256", Digest, "The digest of what was sent.", ""),
    ("counts", Object, "How many rows and things came to what.", ""),
    ("credit_note_id", Id(&["crn"]), "The credit note that came of it.", ""),
    ("credited", Amount, "What was given up.", ""),
    ("currency", Currency, "The currency of every amount of this event.", ""),
    ("customer_id", Id(&["cus"]), "The customer.", ""),
    ("cycle", Count, "1, or more for a repetition of the step.", ""),
    ("document_ids", Ids("doc"), "The documents that go with it.", ""),
    ("dry_run", Flag, "Whether everything was tried and nothing kept.", ""),
    ("due_at", Instant, "When it is due.", ""),
    ("due_date", Date, "The last day to pay.", ""),
    ("due_date_source", Word, "Where the due date comes from.", "given"),
    ("due_on", Date, "The day that was promised.", ""),
    ("ends_at", Instant, "Until when, as far as time alone ends it.", ""),
    ("ends_on", Date, "Its last day; none: until somebody ends it.", ""),
    ("exposure", Object, "What the customer owed at that moment.", ""),
    ("external_id", Text, "Its name in the other system.", "C-1001"),
    ("failing_since", Instant, "When that began.", ""),
    ("formal", Flag, "Whether it is a formal step.", ""),
    ("former_profile", Word, "How the customer paid until then.", "reliable"),
    ("former_score", Count, "The score until then, 1 to 5.", ""),
    ("grade", Word, "How much the report proves.", "receiving_server"),
    ("instalment_id", Id(&["ins"]), "The instalment.", ""),
    ("instalment_ids", Ids("ins"), "The instalments.", ""),
    ("instalments", List, "The instalments, the oldest first.", ""),
    ("interest", Word, "What becomes of interest.", "continues"),
    ("invoice_id", Id(&["inv"]), "The invoice.", ""),
    ("issue_date", Date, "The day on which it was issued.", ""),
    ("jurisdiction", Text, "Whose law is the customer's: a country, or a part of one.", "FR"),
    ("kind", Word, "Of which kind.", "invoice"),
    ("language", Text, "The language of what is written to the person.", "fr"),
    ("last4", Text, "The key's last four characters.", "x7Qa"),
    ("left_out", List, "What was left out, with the rule behind it.", ""),
    ("legal_form", Text, "The customer's legal form.", "SAS"),
    ("limit", Amount, "The credit limit; none: no credit without a limit's being set.", ""),
    ("lines", List, "What it is made of.", ""),
    ("message_id", Id(&["msg"]), "The message.", ""),
    ("method", Word, "How it was paid.", "transfer"),
    ("number", Text, "The number that it bears.", "F-2026-014"),
    ("opted_out", Texts, "The channels that the person does not want.", ""),
    ("order_reference", Text, "The customer's own reference.", "PO-7"),
    ("outcome", Word, "What came of it.", "settled"),
    ("outranked", Flag, "Whether a later report had already said more.", ""),
    ("part", Count, "Which part of the plan, from 1 on.", ""),
    ("parts", List, "The plan's parts: days and amounts.", ""),
    ("paused_until", Instant, "Until when it is left alone.", ""),
    ("payment_id", Id(&["pay"]), "The payment.", ""),
    ("policy_id", Id(&["pol"]), "The policy.", ""),
    ("policy_version", Count, "Its version.", ""),
    ("post", Word, "How the letter is posted.", "registered"),
    ("prepayment", Amount, "What is asked for beforehand.", ""),
    ("primary", Flag, "Whether the person is written to first.", ""),
    ("profile", Word, "How the customer pays.", "forgetful"),
    ("provider_account_id", Id(&["pac"]), "The provider account.", ""),
    ("raw", Text, "The provider's own word for it.", "delivered"),
    ("reason", Text, "Why.", "settled"),
    ("reasons", Texts, "Why.", ""),
    ("received", Amount, "What came in.", ""),
    ("reminder_id", Id(&["rem"]), "The reminder.", ""),
    ("reserved", Amount, "What is held for the order.", ""),
    ("respond_by", Date, "The day by which the creditor wants to answer.", ""),
    ("role", Text, "What the person is to the customer.", "accounting"),
    ("rule", Word, "The rule behind it, in the words of `explain`.", "dispute"),
    ("score", Count, "The score, 1 to 5.", ""),
    ("segment", Text, "The customer's segment.", "retail"),
    ("settled_on", Date, "The day on which it counts.", ""),
    ("settlement_id", Id(&["pay", "crn"]), "The payment or credit note.", ""),
    ("sha256", Digest, "The digest of the text.", ""),
    ("source", Text, "The other system.", "erp"),
    ("starts_on", Date, "Its first day; none: at once.", ""),
    ("state", Word, "The state that it is in.", "in_flight"),
    ("status", Word, "What the provider reports, in our words.", "delivered"),
    ("step", Text, "The policy's step.", "first_reminder"),
    ("task_id", Id(&["tsk"]), "The task that came of it, or that it came of.", ""),
    ("tax_first", Flag, "Whether the first part bears the tax.", ""),
    ("terms_id", Id(&["trm"]), "The payment terms.", ""),
    ("terms_version", Count, "Their version.", ""),
    ("text_sha256", Digest, "The digest of the words that were agreed to.", ""),
    ("total", Amount, "What it comes to, altogether.", ""),
    ("valid_until", Date, "The last day of its being valid.", ""),
    ("version", Count, "The version that it now has.", ""),
];

impl EventType {
    /// The prefixes of what it happens to, and the names that its events have beside `id`. A question mark: not always, or null.
    const fn said(self) -> &'static str {
        match self {
            Self::AccountReview => "tsk: kind reason customer_id currency",
            Self::AddressSuppressed | Self::SuppressionLifted => "sup: channel reason",
            Self::AllocationMade | Self::AllocationReversed => "all: settlement_id invoice_id instalment_id currency amount",
            Self::ChargeMade | Self::ChargeWaived => "chg: invoice_id kind currency amount accrued_until? computation? reason?",
            Self::ChargeSettled => "cha: settlement_id charge_id currency amount",
            Self::ContactChanged | Self::ContactCreated => "con: customer_id role? language? opted_out primary",
            Self::ContactRemoved => "con: customer_id",
            Self::CreditDecided => {
                "cde: customer_id currency amount outcome reasons score limit? exposure reserved prepayment order_reference?"
            }
            Self::CreditLimitSet => "cus: currency limit? valid_until?",
            Self::CreditNoteRecorded => "crn: customer_id source? external_id? number? currency amount settled_on method?",
            Self::CreditNoteWithdrawn => "crn: customer_id currency amount reason?",
            Self::PaymentRecorded => "pay: customer_id source? external_id? number? currency amount settled_on method?",
            Self::CustomerChanged => "cus: kind jurisdiction number? legal_form? segment? policy_id? terms_id? interest? score? version",
            Self::CustomerCreated => "cus: source? external_id? number? kind jurisdiction legal_form? segment?",
            Self::DirectDebitAnnounced => "ddb: customer_id currency amount collect_on collected",
            Self::DirectDebitFailed => "ddb: customer_id currency amount reason?",
            Self::DirectDebitSettled => "ddb: customer_id currency amount payment_id",
            Self::DisputeChanged => "dsp: invoice_id respond_by? document_ids",
            Self::DisputeOpened => "dsp: customer_id invoice_id currency amount? reason respond_by? document_ids task_id?",
            Self::DisputeResolved => "dsp: invoice_id currency outcome credited? credit_note_id?",
            Self::HabitChanged => "cus: former_profile? profile? reasons",
            Self::HoldLifted => "hld: customer_id invoice_id?",
            Self::HoldPlaced => "hld: customer_id invoice_id? starts_on? ends_on?",
            Self::ImportCompleted | Self::ImportFailed => "imp: kind dry_run counts",
            Self::InvoiceCancelled => "inv: number currency total",
            Self::InvoiceChanged => "inv: number currency total issue_date due_date_source terms_id? terms_version? instalments version",
            Self::InvoiceCreated => {
                "inv: customer_id source? external_id? number kind issue_date currency total instalments due_date_source terms_id? terms_version?"
            }
            Self::InvoiceOverdue => "inv: customer_id currency instalment_id due_date balance",
            Self::KeyLeaked => "key|pbk: last4",
            Self::MessageAccepted
            | Self::MessageBouncedHard
            | Self::MessageBouncedSoft
            | Self::MessageAwaitingPickup
            | Self::MessageClicked
            | Self::MessageComplained
            | Self::MessageDeferred
            | Self::MessageDelivered
            | Self::MessageFailed
            | Self::MessageOpened
            | Self::MessagePresented
            | Self::MessageRefused
            | Self::MessageSent
            | Self::MessageSuppressed
            | Self::MessageUnclaimed
            | Self::MessageUndelivered => "msg: status raw provider_account_id grade? outranked",
            Self::MessageUnsubscribed => "msg: channel? customer_id? status? raw? provider_account_id? grade? outranked?",
            Self::MessageDispatched => {
                "msg: reminder_id channel provider_account_id attempt content_sha256 total currency document_ids post?"
            }
            Self::PaymentReturned => "pay: customer_id currency amount reason?",
            Self::PlanAccepted => "pln: customer_id currency amount accepted_on text_sha256",
            Self::PlanBroken | Self::PlanKept => "pln: customer_id currency amount received before part?",
            Self::PlanCancelled => "pln: customer_id currency before",
            Self::PlanProposed => "pln: customer_id currency amount parts tax_first interest instalment_ids",
            Self::PolicyActivated => "pol: version sha256",
            Self::PromiseBroken | Self::PromiseKept | Self::PromisePartlyKept => "prm: customer_id currency amount due_on received before",
            Self::PromiseRecorded => "prm: customer_id currency amount due_on ends_on instalment_ids contact_id? channel? task_id?",
            Self::PromiseWithdrawn => "prm: customer_id currency amount",
            Self::ProviderAccountFailing => "pac: paused_until?",
            Self::ProviderAccountRecovered => "pac: failing_since?",
            Self::ReminderApproved => "rem: step formal",
            Self::ReminderCancelled => "rem: step? message_id? reason?",
            Self::ReminderCompleted => "rem: message_id? step cycle",
            Self::ReminderDecided => {
                "rem: customer_id currency policy_id policy_version step cycle channel formal carrying_instalment_id total instalments due_at state left_out"
            }
            Self::ReminderFailed => "rem: message_id reason",
            Self::ReminderStoodIn => "rem: step cycle channel",
            Self::ReminderSuppressed => "cus: customer_id currency policy_id? policy_version? rule instalment_id? step? ends_at?",
            Self::ScoreChanged => "cus: former_score? score lines",
            Self::TaskAssigned => "tsk: due_at",
            Self::TaskCancelled => "tsk: kind outcome? customer_id",
            Self::TaskCompleted => "tsk: kind outcome? customer_id",
            Self::TaskGiven => "tsk: kind reminder_id customer_id",
            Self::WebhookEndpointDisabled => "whe: because",
            Self::WebhookEndpointTested => "whe:",
        }
    }

    fn subject(self) -> Shape {
        let (prefix, _) = self.said().split_once(':').unwrap_or_default();
        Subject(prefix)
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        let (_, names) = self.said().split_once(':').unwrap_or_default();
        names.split_whitespace()
    }

    fn facts(self) -> impl Iterator<Item = (&'static (&'static str, Shape, &'static str, &'static str), bool)> {
        self.names().filter_map(|word| {
            let name = word.trim_end_matches('?');
            NAMES.iter().find(|known| known.0 == name).map(|known| (known, name.len() == word.len()))
        })
    }

    /// The JSON Schema of its `data`.
    pub fn schema(self) -> Value {
        let mut properties = Map::from_iter([("id".to_owned(), self.subject().schema("What it happened to.", true))]);
        let mut required = vec!["id"];
        for ((name, shape, meaning, _), always) in self.facts() {
            properties.insert((*name).to_owned(), shape.schema(meaning, always));
            if always {
                required.push(name);
            }
        }
        json!({"type": "object", "properties": properties, "required": required})
    }

    /// A `data` as it might be.
    pub fn example(self) -> Value {
        let facts = self.facts().map(|((name, shape, _, example), _)| ((*name).to_owned(), shape.example(example)));
        std::iter::once(("id".to_owned(), self.subject().example(""))).chain(facts).collect::<Map<_, _>>().into()
    }
}

/// The characters of every example's id.
const ID: &str = "01jd3kq8e5fvv8m3s9tqz4x7ya";

fn id(prefixes: &str) -> Value {
    json!({"maxLength": 40, "pattern": format!("^({prefixes})_[0-9a-hjkmnp-tv-z]{{26}}$")})
}

impl Shape {
    fn schema(self, meaning: &str, always: bool) -> Value {
        let (kind, mut schema) = match self {
            Id(prefixes) => ("string", id(&prefixes.join("|"))),
            Subject(prefix) => ("string", id(prefix)),
            Ids(prefix) => {
                let mut items = id(prefix);
                if let Some(items) = items.as_object_mut() {
                    items.insert("type".to_owned(), json!("string"));
                }
                ("array", json!({"maxItems": 1_000, "items": items}))
            }
            Amount => ("integer", json!({"format": "int64", "minimum": i64::MIN, "maximum": i64::MAX})),
            Count => ("integer", json!({"format": "int64", "minimum": 0, "maximum": i64::MAX})),
            Date => ("string", json!({"format": "date", "maxLength": 10})),
            Instant => ("string", json!({"format": "date-time", "maxLength": 40})),
            Currency => ("string", json!({"pattern": "^[A-Z]{3}$", "maxLength": 3})),
            Word => ("string", json!({"pattern": "^[a-z][a-z0-9_]*$", "maxLength": 100})),
            Text => ("string", json!({"maxLength": 2_000})),
            Flag => ("boolean", json!({})),
            Digest => ("string", json!({"pattern": "^[0-9a-f]{64}$", "maxLength": 64})),
            Texts => ("array", json!({"maxItems": 1_000, "items": {"type": "string", "maxLength": 2_000}})),
            Object => ("object", json!({})),
            List => ("array", json!({"maxItems": 10_000, "items": {"type": "object"}})),
        };
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("type".to_owned(), if always { json!(kind) } else { json!([kind, "null"]) });
            schema.insert("description".to_owned(), json!(meaning));
        }
        schema
    }

    fn example(self, own: &str) -> Value {
        match self {
            Id(prefixes) => json!(format!("{}_{ID}", prefixes.first().unwrap_or(&""))),
            Subject(prefixes) => json!(format!("{}_{ID}", prefixes.split('|').next().unwrap_or_default())),
            Ids(prefix) => json!([format!("{prefix}_{ID}")]),
            Amount => json!(120_000),
            Count => json!(1),
            Date => json!("2026-03-31"),
            Instant => json!("2026-03-31T22:00:00Z"),
            Currency => json!("EUR"),
            Word | Text => json!(own),
            Flag => json!(false),
            Digest => json!("0a".repeat(32)),
            Texts | List => json!([]),
            Object => json!({}),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_in_the_table_once_and_used() {
        let listed: Vec<&str> = NAMES.iter().map(|row| row.0).collect();
        assert!(listed.is_sorted_by(|left, right| left < right), "sorted, each once");
        let used: BTreeSet<&str> = EventType::ALL.iter().flat_map(|kind| kind.names()).map(|word| word.trim_end_matches('?')).collect();
        assert_eq!(used, listed.into_iter().collect());
    }

    #[test]
    fn every_example_keeps_to_its_schema() {
        for kind in EventType::ALL {
            let validator = jsonschema::validator_for(&kind.schema()).unwrap();
            let example = kind.example();
            let faults: Vec<String> = validator.iter_errors(&example).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{kind}: {faults:?}");
        }
    }
}
