//! `plan()`, for an account of ten instalments.

use std::{hint::black_box, time::Instant};

use chrono::{Days, NaiveDate};
use relance::domain::{
    calendar::Calendar,
    customer::CustomerKind,
    dunning::{
        account::{Account, ContactFacts, CustomerFacts, InstalmentFacts},
        builtin,
        plan::plan,
    },
    ids::Id,
    ledger::InvoiceKind,
    money::Currency,
};

const TIMES: u32 = 20_000;

fn numbered<K>(number: u128) -> Id<K> {
    Id::from_uuid(uuid::Uuid::from_u128(number))
}

fn owed(number: u128, due_date: NaiveDate) -> InstalmentFacts {
    InstalmentFacts {
        id: numbered(number),
        invoice_id: numbered(number),
        invoice_number: format!("2026-{number:04}"),
        invoice_kind: InvoiceKind::Invoice,
        position: 1,
        due_date,
        amount_minor: 10_000,
        balance_minor: 10_000,
        claimable_minor: 10_000,
        silences: vec![],
        progress: None,
    }
}

/// Microseconds for one decision: due dates from three weeks before to three weeks after, on the product's own crescendo.
pub fn micros() -> f64 {
    let first = NaiveDate::from_ymd_opt(2026, 2, 9).unwrap();
    let account = Account {
        customer: CustomerFacts {
            post: Default::default(),
            id: numbered(1),
            kind: CustomerKind::Business,
            segment: None,
            score: None,
            profile: None,
            jurisdiction: "FR".parse().unwrap(),
            language: None,
            zone: None,
            contacts: vec![ContactFacts {
                id: numbered(1),
                role: None,
                primary: true,
                email: Some("accounts@example.com".parse().unwrap()),
                phone: Some("+33612345678".parse().unwrap()),
                language: None,
                opted_out: vec![],
                barred: vec![],
            }],
        },
        currency: Currency::EUR,
        instalments: (1..=10).map(|n| owed(n, first + Days::new(u64::try_from(n).unwrap() * 4))).collect(),
        unallocated_minor: 0,
        open_reminder: None,
        unreached: None,
        open_reviews: vec![],
        promises: vec![],
        payment_plans: vec![],
        deadlines: vec![],
        contacted: vec![],
        last_contact_at: None,
    };
    let policy = builtin::crescendo();
    let calendar = Calendar::of("Europe/Paris".parse().unwrap(), "FR".parse().unwrap());
    let now = "2026-03-02T11:00:00Z".parse().unwrap();
    assert!(!plan(&account, &policy, &calendar, now).actions.is_empty());
    let started = Instant::now();
    for _ in 0..TIMES {
        black_box(plan(black_box(&account), &policy, &calendar, now));
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}
