//! A bank's file as what it may mean for the ledger: money that came in, money that went back, and what is neither.
//!
//! Invariant: what came in has the same name in whichever file of the bank it is told again, so that it is recorded once.

use std::collections::HashMap;

use chrono::NaiveDate;
use data_encoding::HEXLOWER;

use super::bank_file::{BankFile, Direction, Entry, EntryStatus, Transaction};
use crate::domain::{crypto::sha256, money::Currency};

/// The longest reference that a payment keeps.
const MAX_REFERENCE: usize = 200;

/// A line of the account, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Its name: the payment's external id.
    pub name: String,
    /// What it may mean.
    pub meaning: Meaning,
    /// In minor units.
    pub amount: i64,
    /// Of the amount.
    pub currency: Currency,
    /// The day it is recorded on.
    pub received_on: Option<NaiveDate>,
    /// Everything that may name an invoice, structured references first.
    pub words: String,
    /// Structured references, as they are written.
    pub references: Vec<String>,
    /// What the payer gave to be carried through.
    pub end_to_end_id: Option<String>,
    /// Who is at the other end.
    pub payer: Option<String>,
    /// Their IBAN.
    pub iban: Option<String>,
    /// Of a direct debit: the mandate that it was drawn by.
    pub mandate_id: Option<String>,
}

/// What a line of an account means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Money came in.
    Paid,
    /// Money that had come in went back, and why.
    Returned(Option<String>),
    /// Nothing that a customer did, and why not.
    Nothing(&'static str),
}

impl Incoming {
    /// What the payer wrote, as a payment keeps it.
    pub fn reference(&self) -> Option<String> {
        let text: String = self.words.chars().take(MAX_REFERENCE).collect();
        Some(text).filter(|text| !text.is_empty())
    }
}

/// All that a file tells, in its order: each transaction, or the entry where it lists none.
pub fn of(file: &BankFile) -> Vec<Incoming> {
    file.entries.iter().flat_map(of_entry).collect()
}

fn of_entry(entry: &Entry) -> Vec<Incoming> {
    let only = entry.transactions.len() == 1;
    if entry.transactions.is_empty() {
        let meaning = match meaning_of(entry, entry.direction, None) {
            Meaning::Paid if entry.batch_count.is_some_and(|count| count > 1) => {
                Meaning::Nothing("a total of several payments; they are told in another file")
            }
            other => other,
        };
        let words = entry.note.clone().unwrap_or_default();
        return vec![Incoming {
            name: entry.key.clone(),
            meaning,
            amount: entry.amount,
            currency: entry.currency,
            received_on: entry.received_on(),
            words,
            references: Vec::new(),
            end_to_end_id: None,
            payer: None,
            iban: None,
            mandate_id: None,
        }];
    }
    let mut seen = HashMap::<String, u32>::new();
    entry
        .transactions
        .iter()
        .map(|one| {
            // Of a single transaction the entry's amount is what came in, in the account's own currency.
            let amount = if only { Some(entry.amount) } else { one.amount };
            let currency = if only { entry.currency } else { one.currency.unwrap_or(entry.currency) };
            let meaning = match amount {
                None | Some(0) => Meaning::Nothing("the file gives no amount for it"),
                Some(_) => meaning_of(entry, one.direction, Some(one)),
            };
            let name = if only { entry.key.clone() } else { part_name(entry, one, &mut seen) };
            incoming(entry, one, name, meaning, (amount.unwrap_or(0), currency))
        })
        .collect()
}

fn incoming(entry: &Entry, one: &Transaction, name: String, meaning: Meaning, (amount, currency): (i64, Currency)) -> Incoming {
    // The money of a return goes to whoever it came from.
    let other = if one.direction == Direction::Credit { &one.debtor } else { &one.creditor };
    let other =
        if other.name.is_none() && other.account.is_none() && matches!(meaning, Meaning::Returned(_)) { &one.debtor } else { other };
    let words = one.structured_references.iter().chain(&one.documents).chain(&one.text).chain(&one.end_to_end_id);
    let words: Vec<&str> = words.map(String::as_str).collect();
    Incoming {
        name,
        meaning,
        amount,
        currency,
        received_on: entry.received_on(),
        words: words.join(" "),
        references: one.structured_references.clone(),
        end_to_end_id: one.end_to_end_id.clone(),
        payer: one.ultimate_debtor.clone().filter(|_| one.direction == Direction::Credit).or_else(|| other.name.clone()),
        iban: other.iban().map(str::to_owned),
        mandate_id: one.mandate_id.clone(),
    }
}

fn meaning_of(entry: &Entry, direction: Direction, one: Option<&Transaction>) -> Meaning {
    let reason = one.and_then(|one| one.return_reason.clone());
    match (entry.status, direction) {
        (EntryStatus::Pending, _) => Meaning::Nothing("not booked yet"),
        (EntryStatus::Information, _) => Meaning::Nothing("for information: not of this account"),
        (EntryStatus::Booked, Direction::Debit) if entry.reversal || reason.is_some() => Meaning::Returned(reason),
        (EntryStatus::Booked, Direction::Debit) => Meaning::Nothing("money that went out"),
        (EntryStatus::Booked, Direction::Credit) if entry.reversal || reason.is_some() => Meaning::Nothing("money of ours that came back"),
        (EntryStatus::Booked, Direction::Credit) => Meaning::Paid,
    }
}

/// The name of one of several transactions of an entry: by what is told of it, so that another file that lists them in another order names it alike.
fn part_name(entry: &Entry, one: &Transaction, seen: &mut HashMap<String, u32>) -> String {
    let told = |text: &Option<String>| text.clone().unwrap_or_default();
    let parts = [
        one.amount.map(|amount| amount.to_string()).unwrap_or_default(),
        one.direction.to_string(),
        told(&one.end_to_end_id),
        told(&one.transaction_id),
        told(&one.debtor.account),
        one.structured_references.join(" "),
        told(&one.text),
    ];
    let framed: Vec<String> = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    let digest = sha256(&framed.iter().map(String::as_bytes).collect::<Vec<_>>());
    let short = HEXLOWER.encode(digest.get(..8).unwrap_or_default());
    let count = seen.entry(short.clone()).or_insert(0);
    *count = count.saturating_add(1);
    if *count == 1 { format!("{}/{short}", entry.key) } else { format!("{}/{short}-{count}", entry.key) }
}
