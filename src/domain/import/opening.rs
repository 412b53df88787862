//! A French accounting file as an opening: who owes what on the day that it ends.
//!
//! Recorded is what is not settled: invoices with their whole amount, then what was paid or given up of them and not lettered off. Money under the letters of an invoice is that
//! invoice's; of any other nobody knows what for, so it is recorded and left. Invariant: invoices come before what settles them, and names are the same each time.

use std::collections::{HashMap, HashSet};

use super::fec::{Fec, FecCustomer, FecKind, FecLine};
use crate::domain::{
    change::Change,
    customer::{Address, CustomerKind, NewCustomer},
    external::{ExternalKey, Pairs},
    ids::InvoiceId,
    ledger::{
        InvoiceKind,
        invoice::NewInvoice,
        settlement::{Allocate, NewAllocations, NewSettlement, SettlementKind, Wanted},
    },
    money::Currency,
};

/// A line on a customer's account, and the name it has in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The line.
    pub line: FecLine,
    /// Its name: the external id.
    pub name: String,
    /// The names of the invoices under the same letters.
    pub settles: Vec<String>,
}

impl Opening {
    /// Why it is nothing to record, if it is not.
    pub const fn skipped(&self) -> Option<&'static str> {
        match (self.line.settled, self.line.kind) {
            (true, _) => Some("lettered off: settled"),
            (false, FecKind::Invoice | FecKind::CreditNote | FecKind::Payment) => None,
            (false, FecKind::Refund) => {
                Some("money given back, or a payment returned: look at the account, and record what is owed by hand")
            }
            (false, FecKind::Other) => Some("neither invoice nor payment: look at the account, and record what is owed by hand"),
        }
    }
}

/// The lines in the order in which they are recorded.
pub fn of(fec: Fec) -> Vec<Opening> {
    let mut seen = HashMap::<String, u32>::new();
    let mut all: Vec<Opening> = fec
        .lines
        .into_iter()
        .map(|line| {
            let base: String = format!("{}/{}/{}/{}", line.customer, line.journal, line.entry, line.document).chars().take(180).collect();
            let count = seen.entry(base.clone()).or_insert(0);
            *count = count.saturating_add(1);
            let name = if *count == 1 { base } else { format!("{base}#{count}") };
            Opening { line, name, settles: Vec::new() }
        })
        .collect();
    let mut lettered = HashMap::<(String, String), Vec<String>>::new();
    for one in all.iter().filter(|one| one.line.kind == FecKind::Invoice && !one.line.settled) {
        if let Some(letters) = &one.line.letters {
            lettered.entry((one.line.customer.clone(), letters.clone())).or_default().push(one.name.clone());
        }
    }
    for one in all.iter_mut().filter(|one| matches!(one.line.kind, FecKind::CreditNote | FecKind::Payment)) {
        let letters = one.line.letters.clone().unwrap_or_default();
        one.settles = lettered.get(&(one.line.customer.clone(), letters)).cloned().unwrap_or_default();
    }
    all.sort_by_key(|one| (one.line.kind != FecKind::Invoice, one.line.row));
    all
}

/// The customers that something is recorded for.
pub fn customers(fec: &Fec, source: &str, kind: CustomerKind) -> Vec<NewCustomer> {
    let open: HashSet<&str> = fec.lines.iter().filter(|line| !line.settled).map(|line| line.customer.as_str()).collect();
    fec.customers.iter().filter(|one| open.contains(one.number.as_str())).map(|one| customer(one, source, kind)).collect()
}

fn customer(of: &FecCustomer, source: &str, kind: CustomerKind) -> NewCustomer {
    NewCustomer {
        source: Some(source.to_owned()),
        external_id: Some(of.number.clone()),
        number: Some(of.number.chars().take(60).collect()),
        name: of.name.chars().take(140).collect(),
        kind,
        jurisdiction: None,
        language: None,
        time_zone: None,
        segment: None,
        score: None,
        policy_id: None,
        interest: Change::Keep,
        terms_id: Change::Keep,
        identifiers: Pairs::default(),
        address: Address::default(),
        company: Default::default(),
        metadata: if of.doubtful { Pairs([("doubtful".to_owned(), "416".to_owned())].into()) } else { Pairs::default() },
        contacts: Vec::new(),
    }
}

/// The line as an invoice.
pub fn invoice(of: &Opening, source: &str) -> NewInvoice {
    let line = &of.line;
    NewInvoice {
        customer_id: None,
        customer: Some(ExternalKey { source: source.to_owned(), external_id: line.customer.clone() }),
        source: Some(source.to_owned()),
        external_id: Some(of.name.clone()),
        number: if line.document.is_empty() { line.entry.as_str() } else { line.document.as_str() }.chars().take(60).collect(),
        kind: InvoiceKind::Invoice,
        issue_date: line.document_date,
        currency: Currency::EUR,
        total: line.amount,
        net: None,
        tax: None,
        due_date: None,
        dated_by_terms: false,
        terms_id: None,
        order_date: None,
        delivery_date: None,
        instalments: Vec::new(),
        order_reference: None,
        credit_decision_id: None,
        delivery_reference: None,
        structured_reference: None,
        payment_link: None,
        late_interest: None,
        fixed_sum: None,
        metadata: label(line),
        documents: Vec::new(),
    }
}

/// The line as a payment or a credit note, for what is open of `invoices`.
pub fn settlement(of: &Opening, source: &str, invoices: &[(InvoiceId, i64)]) -> NewSettlement {
    let line = &of.line;
    let kind = if line.kind == FecKind::CreditNote { SettlementKind::CreditNote } else { SettlementKind::Payment };
    let (mut left, mut wanted) = (line.amount, Vec::new());
    for (invoice, balance) in invoices {
        let amount = left.min(*balance);
        if amount > 0 {
            left = left.saturating_sub(amount);
            wanted.push(Wanted { invoice_id: Some(*invoice), instalment_id: None, charge_id: None, amount });
        }
    }
    let allocate = wanted.is_empty().then_some(Allocate::None);
    let document = Some(line.document.chars().take(60).collect::<String>()).filter(|text| !text.is_empty());
    NewSettlement {
        kind,
        customer_id: None,
        customer: Some(ExternalKey { source: source.to_owned(), external_id: line.customer.clone() }),
        source: Some(source.to_owned()),
        external_id: Some(of.name.clone()),
        number: document.clone().filter(|_| kind == SettlementKind::CreditNote),
        currency: Currency::EUR,
        amount: line.amount,
        settled_on: line.booked_on,
        method: None,
        reference: document.filter(|_| kind == SettlementKind::Payment),
        reason: None,
        metadata: label(line),
        allocations: NewAllocations { allocations: allocate.is_none().then_some(wanted), allocate },
    }
}

fn label(line: &FecLine) -> Pairs {
    if line.label.is_empty() { Pairs::default() } else { Pairs([("label".to_owned(), line.label.clone())].into()) }
}
