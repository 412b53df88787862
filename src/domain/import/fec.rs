//! The French accounting file (fichier des écritures comptables, article A47 A-1 of the Livre des procédures fiscales) as a start: who owes what
//! on the day that it ends.
//!
//! Read are the lines of customers, accounts 411 and 416. The other lines of the same entry say what each is: sales make an invoice or a credit note, a
//! bank a payment or its return. The file has no due dates and no addresses. Invariants: amounts are exact and never negative; what is settled is
//! a set of lines of one customer under equal letters whose debits and credits are equal.

mod table;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use encoding_rs::ISO_8859_15;

use super::{
    amount,
    fields::{Fields, short},
    text::{bounded, guessed, line},
};
use crate::domain::{
    invalid::Faults,
    money::{Currency, Money},
};
use table::{Row, Table};

/// The longest text of a cell that is kept.
const MAX_CELL: usize = 200;

crate::words! {
    /// What a line of a customer is.
    pub enum FecKind {
        /// A debit against sales, or one brought forward.
        Invoice = "invoice",
        /// A credit against sales.
        CreditNote = "credit_note",
        /// A credit against a bank or a till, or one brought forward.
        Payment = "payment",
        /// A debit against a bank: money given back, or a payment that was returned.
        Refund = "refund",
        /// Anything else: a loss written off, a transfer between accounts, an exchange difference.
        Other = "other",
    }
}

/// What a file says of customers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fec {
    /// By their number.
    pub customers: Vec<FecCustomer>,
    /// Their lines, in the file's order.
    pub lines: Vec<FecLine>,
}

impl Fec {
    /// Invoices that are not settled.
    pub fn open_invoices(&self) -> impl Iterator<Item = &FecLine> {
        self.lines.iter().filter(|line| line.kind == FecKind::Invoice && !line.settled)
    }
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FecCustomer {
    /// The number of its account (`CompAuxNum`, else `CompteNum`).
    pub number: String,
    /// Its name (`CompAuxLib`, else `CompteLib`).
    pub name: String,
    /// Whether it is doubtful: account 416.
    pub doubtful: bool,
    /// What it owes at the end of the file, in cents of euro; negative for what it has to its credit.
    pub balance: i64,
}

/// A line on a customer's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FecLine {
    /// Its line in the file, from 1.
    pub row: u64,
    /// The customer's number.
    pub customer: String,
    /// What it is.
    pub kind: FecKind,
    /// The journal (`JournalCode`).
    pub journal: String,
    /// The entry (`EcritureNum`), unique in its journal.
    pub entry: String,
    /// When it was booked (`EcritureDate`).
    pub booked_on: NaiveDate,
    /// The document (`PieceRef`).
    pub document: String,
    /// The document's date (`PieceDate`).
    pub document_date: NaiveDate,
    /// What is written beside it (`EcritureLib`).
    pub label: String,
    /// In cents of euro.
    pub amount: i64,
    /// Whether it is a debit: owed by the customer.
    pub debit: bool,
    /// The amount in the currency of the document, where that is another (`Montantdevise`, `Idevise`).
    pub foreign: Option<Money>,
    /// Its letters (`EcritureLet`).
    pub letters: Option<String>,
    /// Whether the lines of the customer under these letters come to nothing.
    pub settled: bool,
}

/// Reads a file: UTF-8 with or without a mark, or ISO-8859-15; cells divided by a tab, `|`, `;` or `,`.
///
/// # Errors
/// Columns that are missing, and every cell that cannot be read, with its line and its column; at most a hundred.
pub fn read(bytes: &[u8]) -> Result<Fec, Faults> {
    let text = guessed(bounded(bytes)?, ISO_8859_15);
    // Lines are counted by their feeds.
    let text = text.replace("\r\n", "\n");
    let mut table = Table::of(&text)?;
    let mut reading = Reading::default();
    while let Some(row) = table.next(&mut reading.fields) {
        reading.row(&row);
    }
    reading.done()
}

/// What the other lines of an entry are on.
#[derive(Debug, Default, Clone, Copy)]
struct Against {
    sales: bool,
    money: bool,
}

#[derive(Default)]
struct Reading {
    fields: Fields,
    lines: Vec<FecLine>,
    customers: BTreeMap<String, FecCustomer>,
    against: HashMap<(String, String), Against>,
}

impl Reading {
    fn row(&mut self, row: &Row) {
        let account = row.text("CompteNum");
        let entry = || (row.text("JournalCode").to_owned(), row.text("EcritureNum").to_owned());
        if account.starts_with("411") || account.starts_with("416") {
            if let Some(line) = self.line(row, account.starts_with("416")) {
                self.lines.push(line);
            }
            return;
        }
        let against = Against {
            // Sales, and the VAT that is collected with them.
            sales: account.starts_with('7') || account.starts_with("4457"),
            // Banks and tills, and what is on its way there: cheques and bills to cash.
            money: account.starts_with('5') || account.starts_with("413"),
        };
        if against.sales || against.money {
            let known = self.against.entry(entry()).or_default();
            *known = Against { sales: known.sales || against.sales, money: known.money || against.money };
        }
    }

    fn line(&mut self, row: &Row, doubtful: bool) -> Option<FecLine> {
        let number = [row.text("CompAuxNum"), row.text("CompteNum")].into_iter().find(|text| !text.is_empty()).map(kept)?;
        let name = [row.text("CompAuxLib"), row.text("CompteLib"), &number].into_iter().find(|text| !text.is_empty()).map(kept)?;
        let booked_on = self.date(row, "EcritureDate");
        let document_date = if row.text("PieceDate").is_empty() { booked_on } else { self.date(row, "PieceDate") };
        let signed = self.amount(row);
        let foreign = self.foreign(row);
        let (booked_on, document_date, signed) = (booked_on?, document_date?, signed?);
        let customer = self.customers.entry(number.clone()).or_insert_with(|| FecCustomer {
            number: number.clone(),
            name,
            doubtful: false,
            balance: 0,
        });
        customer.doubtful |= doubtful;
        customer.balance = customer.balance.saturating_add(signed);
        let document =
            [row.text("PieceRef"), row.text("EcritureNum")].into_iter().find(|text| !text.is_empty()).map(kept).unwrap_or_default();
        (signed != 0).then(|| FecLine {
            row: row.line,
            customer: number,
            kind: FecKind::Other,
            journal: row.text("JournalCode").to_owned(),
            entry: row.text("EcritureNum").to_owned(),
            booked_on,
            document,
            document_date,
            label: kept(row.text("EcritureLib")),
            amount: signed.saturating_abs(),
            debit: signed > 0,
            foreign,
            letters: Some(kept(row.text("EcritureLet"))).filter(|letters| !letters.is_empty()),
            settled: false,
        })
    }

    fn wrong(&mut self, row: &Row, column: &str, detail: &str) {
        let detail = format!("{:?}: {detail}", short(row.text(column)));
        self.fields.wrong(&format!("/line/{}/{column}", row.line), "wrong_format", detail);
    }

    fn date(&mut self, row: &Row, column: &str) -> Option<NaiveDate> {
        let text = row.text(column);
        let date = Some(text).filter(|text| text.len() == 8).and_then(|text| NaiveDate::parse_from_str(text, "%Y%m%d").ok());
        if date.is_none() {
            self.wrong(row, column, "no date; write a day of the calendar as YYYYMMDD, such as 20260331");
        }
        date
    }

    /// What the line debits, negative for what it credits: `Debit` and `Credit`, or `Montant` and `Sens`.
    fn amount(&mut self, row: &Row) -> Option<i64> {
        if row.has("Debit") {
            let (debit, credit) = (self.cell(row, "Debit", Currency::EUR), self.cell(row, "Credit", Currency::EUR));
            return debit?.checked_sub(credit?);
        }
        let amount = self.cell(row, "Montant", Currency::EUR)?;
        match row.text("Sens") {
            "D" | "+1" | "1" | "+" => Some(amount),
            "C" | "-1" | "-" => amount.checked_neg(),
            _ => {
                self.wrong(row, "Sens", "write D or C");
                None
            }
        }
    }

    /// An amount with a comma, or a point, before its decimals; nothing for an empty cell.
    fn cell(&mut self, row: &Row, column: &str, currency: Currency) -> Option<i64> {
        let text: String = row.text(column).chars().filter(|one| !one.is_whitespace()).collect();
        if text.is_empty() {
            return Some(0);
        }
        let separator = if text.contains(',') { ',' } else { '.' };
        amount::signed(&text, separator, currency).map_err(|problem| self.wrong(row, column, &problem)).ok()
    }

    fn foreign(&mut self, row: &Row) -> Option<Money> {
        let code = row.text("Idevise");
        if code.is_empty() || code == "EUR" || row.text("Montantdevise").is_empty() {
            return None;
        }
        let Ok(currency) = code.parse::<Currency>() else {
            self.wrong(row, "Idevise", "no active ISO 4217 code; write three capitals, such as USD");
            return None;
        };
        let minor = self.cell(row, "Montantdevise", currency)?;
        Some(Money::new(minor.saturating_abs(), currency))
    }

    /// Once all lines are known: what each is, and which letters come to nothing.
    fn done(mut self) -> Result<Fec, Faults> {
        let mut sums = HashMap::<(&str, &str), i64>::new();
        for line in &self.lines {
            if let Some(letters) = &line.letters {
                let signed = if line.debit { line.amount } else { line.amount.saturating_neg() };
                let sum = sums.entry((&line.customer, letters)).or_default();
                *sum = sum.saturating_add(signed);
            }
        }
        let settled: Vec<bool> = self
            .lines
            .iter()
            .map(|line| line.letters.as_deref().is_some_and(|letters| sums.get(&(line.customer.as_str(), letters)) == Some(&0)))
            .collect();
        for (line, settled) in self.lines.iter_mut().zip(settled) {
            line.settled = settled;
            let against = self.against.get(&(line.journal.clone(), line.entry.clone())).copied().unwrap_or_default();
            line.kind = kind_of(line.debit, against, is_brought_forward(&line.journal));
        }
        self.fields.faults.or(Fec { customers: self.customers.into_values().collect(), lines: self.lines })
    }
}

/// What a line is by its side and by what it stands against. Money decides before sales: a sale paid at once is an entry of its own in most journals.
fn kind_of(debit: bool, against: Against, brought_forward: bool) -> FecKind {
    match (debit, against.sales, against.money) {
        (true, true, _) => FecKind::Invoice,
        (false, _, true) => FecKind::Payment,
        (false, true, false) => FecKind::CreditNote,
        (true, false, true) => FecKind::Refund,
        (true, false, false) if brought_forward => FecKind::Invoice,
        (false, false, false) if brought_forward => FecKind::Payment,
        _ => FecKind::Other,
    }
}

/// The journal of what was open when the year began (à-nouveaux), by its usual codes.
fn is_brought_forward(journal: &str) -> bool {
    let journal = journal.to_uppercase();
    matches!(journal.as_str(), "AN" | "ANC" | "ANO" | "RAN" | "OUV" | "A NOUVEAU" | "ANOUV" | "ANX")
}

fn kept(text: &str) -> String {
    line(text).chars().take(MAX_CELL).collect()
}
