//! What is asked of a simulation, and the account that a request makes up.
//!
//! Not here: real accounts, which the store loads. Invariant: what is made up has ids of its own, the same for the same request.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{
    contact::Channel,
    customer::CustomerKind,
    dunning::account::{Account, ContactFacts, CustomerFacts, InstalmentFacts},
    ids::{ContactId, CustomerId, InstalmentId, InvoiceId},
    invalid::Faults,
    ledger::InvoiceKind,
    locale::{Jurisdiction, Language},
    money::Currency,
    post::Post,
};

use super::MAX_DAYS;

/// How far a day may be from today, or from the first day played: ten years.
const FARTHEST_DAYS: u64 = 3_660;

/// A policy to play through: over a customer's real account, or over one that is made up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": 1, "days": 60, "from": "2026-03-02", "account": {"kind": "business", "currency": "EUR",
    "invoices": [{"number": "F-1", "due_date": "2026-03-01", "amount": 120000}], "payments": [{"number": "F-1", "on": "2026-03-20", "amount": 120000}]}}))]
pub struct SimulationRequest {
    /// Which version; absent: the one in force, or else the one that waits.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub version: Option<i32>,
    /// How many days to play, the first included.
    #[serde(default = "a_quarter")]
    #[schema(minimum = 1, maximum = 400, default = 90)]
    pub days: u16,
    /// The first day, past or to come, in the tenant's zone, for an account that is made up; absent: now. A real account begins now.
    #[serde(default)]
    pub from: Option<NaiveDate>,
    /// Whose real account; or give `account`.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// In which currency, for a real account; absent: the tenant's.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// An account that is made up; or give `customer_id`.
    #[serde(default)]
    pub account: Option<MadeUpAccount>,
}

const fn a_quarter() -> u16 {
    90
}

/// A customer that is not there, and what it would owe.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "business", "currency": "EUR", "invoices": [{"number": "F-1", "due_date": "2026-03-01", "amount": 120000}]}))]
pub struct MadeUpAccount {
    /// Which law protects it.
    pub kind: CustomerKind,
    /// Of all amounts.
    pub currency: Currency,
    /// Where it is; the tenant's if absent.
    #[serde(default)]
    pub jurisdiction: Option<Jurisdiction>,
    /// Its language.
    #[serde(default)]
    pub language: Option<Language>,
    /// IANA zone in which it is contacted; the tenant's if absent.
    #[serde(default)]
    #[schema(max_length = 50, example = "Europe/Paris")]
    pub time_zone: Option<String>,
    /// The creditor's own segment.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 60)]
    pub segment: Option<String>,
    /// Its score, 1 (very risky) to 5 (safe).
    #[serde(default)]
    #[schema(minimum = 1, maximum = 5)]
    pub score: Option<u8>,
    /// Channels on which its one contact cannot be reached.
    #[serde(default)]
    #[schema(max_items = 5)]
    pub unreachable: Vec<Channel>,
    /// What it would owe.
    #[schema(min_items = 1, max_items = 100)]
    pub invoices: Vec<MadeUpInvoice>,
    /// What it would pay, and when.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub payments: Vec<MadeUpPayment>,
}

/// An invoice that is not there.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"number": "F-1", "due_date": "2026-03-01", "amount": 120000}))]
pub struct MadeUpInvoice {
    /// Its number.
    #[schema(min_length = 1, max_length = 60)]
    pub number: String,
    /// The last day to pay it.
    pub due_date: NaiveDate,
    /// What is open of it, in minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: i64,
}

/// A payment that has not come.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"number": "F-1", "on": "2026-03-20", "amount": 120000}))]
pub struct MadeUpPayment {
    /// Of which invoice.
    #[schema(min_length = 1, max_length = 60)]
    pub number: String,
    /// On which day, from its beginning on.
    pub on: NaiveDate,
    /// In minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000i64)]
    pub amount: i64,
}

/// An account and what is to happen to it.
#[derive(Debug, Clone)]
pub struct MakeBelieve {
    /// As it stands at first.
    pub account: Account,
    /// What will be paid.
    pub payments: Vec<MadeUpPayment>,
}

impl SimulationRequest {
    /// The rules that no schema can say, on `today`.
    pub fn check(&self, today: NaiveDate) -> Faults {
        let mut faults = Faults::none();
        if !(1..=MAX_DAYS).contains(&self.days) {
            faults.add("/days", "out_of_range", format!("1 to {MAX_DAYS} days"));
        }
        if self.from.is_some_and(|from| is_far(from, today)) {
            faults.add("/from", "out_of_range", format!("within ten years of today, {today}"));
        }
        match (&self.customer_id, &self.account) {
            (None, None) => faults.add("/customer_id", "required", "give customer_id or account"),
            (Some(_), Some(_)) => faults.add("/account", "contradiction", "give customer_id or account, not both"),
            (Some(_), None) if self.from.is_some() => {
                faults.add("/from", "contradiction", "a real account is known as it is now; leave from out, or make an account up");
            }
            (None, Some(_)) if self.currency.is_some() => {
                faults.add("/currency", "contradiction", "an account that is made up names its own currency");
            }
            _ => {}
        }
        if let Some(account) = &self.account {
            faults.nest("/account", account.check(self.from.unwrap_or(today)));
        }
        faults
    }
}

fn is_far(day: NaiveDate, from: NaiveDate) -> bool {
    day.signed_duration_since(from).num_days().unsigned_abs() > FARTHEST_DAYS
}

impl MadeUpAccount {
    fn check(&self, first: NaiveDate) -> Faults {
        let mut faults = Faults::none();
        let mut near = |pointer: String, day| {
            if is_far(day, first) {
                faults.add(pointer, "out_of_range", format!("within ten years of the first day, {first}"));
            }
        };
        self.invoices.iter().enumerate().for_each(|(n, invoice)| near(format!("/invoices/{n}/due_date"), invoice.due_date));
        self.payments.iter().enumerate().for_each(|(n, payment)| near(format!("/payments/{n}/on"), payment.on));
        if let Some(zone) = self.time_zone.as_deref().filter(|zone| zone.parse::<chrono_tz::Tz>().is_err()) {
            faults.add("/time_zone", "unknown_value", format!("{zone:?} is not an IANA time zone; write one such as Europe/Paris"));
        }
        for (n, invoice) in self.invoices.iter().enumerate() {
            if self.invoices.iter().take(n).any(|other| other.number == invoice.number) {
                faults.add(format!("/invoices/{n}/number"), "duplicate", "another invoice has this number; give it one of its own");
            }
        }
        for (n, payment) in self.payments.iter().enumerate() {
            if !self.invoices.iter().any(|invoice| invoice.number == payment.number) {
                faults.add(format!("/payments/{n}/number"), "not_found", "no invoice above has this number");
            }
        }
        faults
    }

    /// The account of a creditor whose law is `home`.
    pub fn make(&self, home: &Jurisdiction) -> MakeBelieve {
        let contact = ContactFacts {
            id: ContactId::from_uuid(Uuid::from_u128(1)),
            role: None,
            primary: true,
            email: "debtor@debtor.example".parse().ok(),
            phone: "+33100000000".parse().ok(),
            language: self.language,
            opted_out: self.unreachable.clone(),
            barred: Vec::new(),
        };
        let instalment = |(number, invoice): (u128, &MadeUpInvoice)| InstalmentFacts {
            id: InstalmentId::from_uuid(Uuid::from_u128(number)),
            invoice_id: InvoiceId::from_uuid(Uuid::from_u128(number)),
            invoice_number: invoice.number.clone(),
            invoice_kind: InvoiceKind::Invoice,
            position: 1,
            due_date: invoice.due_date,
            amount_minor: invoice.amount,
            balance_minor: invoice.amount,
            claimable_minor: invoice.amount,
            silences: Vec::new(),
            progress: None,
        };
        let customer = CustomerFacts {
            post: Post::ByHand,
            id: CustomerId::from_uuid(Uuid::from_u128(1)),
            kind: self.kind,
            segment: self.segment.clone(),
            score: self.score,
            profile: None,
            jurisdiction: self.jurisdiction.clone().unwrap_or_else(|| home.clone()),
            language: self.language,
            zone: self.time_zone.as_deref().and_then(|zone| zone.parse().ok()),
            contacts: vec![contact],
        };
        let account = Account {
            customer,
            currency: self.currency,
            instalments: (1..).zip(&self.invoices).map(instalment).collect(),
            unallocated_minor: 0,
            open_reminder: None,
            unreached: None,
            open_reviews: Vec::new(),
            promises: Vec::new(),
            payment_plans: Vec::new(),
            deadlines: Vec::new(),
            contacted: Vec::new(),
            last_contact_at: None,
        };
        MakeBelieve { account, payments: self.payments.clone() }
    }
}
