//! Rows of a table, one invoice each, by a mapping that says which column feeds which field.
//!
//! Not here: reading files. Invariants: every cell that cannot be read is named with its column and its value; the same row and mapping
//! always give the same external ids, so that a file may be imported again.

use chrono::NaiveDate;
use serde::Deserialize;

use super::amount::minor;
use crate::domain::{
    change::Change,
    customer::{Address, CustomerKind, NewContact, NewCustomer},
    external::{ExternalKey, Pairs},
    ids::WrongId,
    ledger::{
        InvoiceKind,
        invoice::NewInvoice,
        settlement::{NewAllocations, NewPayment, NewSettlement},
    },
    money::Currency,
};

/// Which column feeds which field, and how its cells are written. A column is named as in the first row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The name under which external ids are kept.
    pub source: String,
    /// How dates are written, in `strftime` words.
    #[serde(default = "iso")]
    pub date_format: String,
    /// What stands before the decimals.
    #[serde(default = "point")]
    pub decimal_separator: char,
    /// What stands between cells; found out if absent.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// The currency of every amount, unless a column gives it.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// What every customer is in the eyes of the law.
    #[serde(default = "business")]
    pub customer_kind: CustomerKind,
    /// Who owes.
    pub customer: CustomerColumns,
    /// What is owed.
    pub invoice: InvoiceColumns,
    /// When it was settled, if the table says so.
    #[serde(default)]
    pub payment: Option<PaymentColumns>,
}

fn iso() -> String {
    "%Y-%m-%d".to_owned()
}
const fn point() -> char {
    '.'
}
const fn business() -> CustomerKind {
    CustomerKind::Business
}

/// Columns of the customer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each names the column that feeds the field of this name")]
pub struct CustomerColumns {
    pub external_id: String,
    pub name: String,
    pub number: Option<String>,
    pub contact_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub segment: Option<String>,
}

/// Columns of the invoice.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each names the column that feeds the field of this name")]
pub struct InvoiceColumns {
    pub external_id: String,
    pub number: String,
    pub issue_date: String,
    pub due_date: Option<String>,
    pub terms_id: Option<String>,
    pub amount: String,
    pub currency: Option<String>,
    pub order_reference: Option<String>,
}

/// Columns of the payment. An empty date means: not paid.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentColumns {
    /// The day on which it was paid.
    pub date: String,
    /// How much; the whole invoice if there is no such column.
    pub amount: Option<String>,
}

/// What one row says.
#[derive(Debug, Clone)]
pub struct Row {
    /// Who owes.
    pub customer: NewCustomer,
    /// What is owed.
    pub invoice: NewInvoice,
    /// What was paid, if anything. What it settles is known once the invoice has an id.
    pub payment: Option<NewSettlement>,
}

/// A cell that could not be read, or a row that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellProblem {
    /// The line in the file, from 1.
    pub row: u64,
    /// The column, or the field of a refused row.
    pub column: String,
    /// What stood there.
    pub value: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The delimiter that the first line most likely uses.
pub fn sniff(first_line: &str) -> char {
    let count = |delimiter: char| first_line.chars().filter(|one| *one == delimiter).count();
    [',', ';', '\t', '|'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(',')
}

impl Mapping {
    /// What stands in the way of reading a table with these headings.
    ///
    /// # Errors
    /// A sentence each: columns that are missing, a source that is no word, no currency.
    pub fn check(&self, headings: &[String]) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        if ExternalKey::from_path(&self.source, "x").is_err() {
            wrong.push(format!("source {:?}: write 1 to 50 letters, digits, dots, hyphens or underscores", self.source));
        }
        if self.currency.is_none() && self.invoice.currency.is_none() {
            wrong.push("no currency: give currency, or the column invoice.currency".to_owned());
        }
        for column in self.columns() {
            if !headings.iter().any(|one| one == column) {
                wrong.push(format!("no column {column:?} in the file; it has {}", headings.join(", ")));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn columns(&self) -> impl Iterator<Item = &String> {
        let (customer, invoice) = (&self.customer, &self.invoice);
        let fixed = [&customer.external_id, &customer.name, &invoice.external_id, &invoice.number, &invoice.issue_date, &invoice.amount];
        let optional = [
            &customer.number,
            &customer.contact_name,
            &customer.email,
            &customer.phone,
            &customer.segment,
            &invoice.due_date,
            &invoice.terms_id,
            &invoice.currency,
            &invoice.order_reference,
        ];
        let paid = self.payment.iter().flat_map(|payment| std::iter::once(&payment.date).chain(&payment.amount));
        fixed.into_iter().chain(optional.into_iter().flatten()).chain(paid)
    }

    /// Reads the row on line `row`.
    ///
    /// # Errors
    /// One problem per cell that cannot be read.
    pub fn read(&self, row: u64, headings: &[String], cells: &[&str]) -> Result<Row, Vec<CellProblem>> {
        let mut cells = Cells { row, headings, cells, problems: Vec::new() };
        let read = self.row(&mut cells);
        match read {
            Some(read) if cells.problems.is_empty() => Ok(read),
            _ => Err(cells.problems),
        }
    }

    /// Every cell is read before any is given up, so that one pass names all problems.
    fn row(&self, cells: &mut Cells<'_>) -> Option<Row> {
        let (customer, columns) = (self.customer(cells), &self.invoice);
        let (external_id, number) = (cells.text(&columns.external_id, 190), cells.text(&columns.number, 60));
        let issue_date = self.date(cells, &columns.issue_date);
        // A due date or terms may be absent: the customer's or the tenant's terms then say when it is due.
        let due_date = columns.due_date.as_ref().filter(|column| !cells.raw(column).is_empty()).map(|column| self.date(cells, column));
        let terms_id = columns.terms_id.as_ref().filter(|column| !cells.raw(column).is_empty());
        let terms_id = terms_id.map(|column| cells.parsed(column, |text| text.parse().map_err(|error: WrongId| error.to_string())));
        let currency = match &columns.currency {
            Some(column) => cells.parsed(column, str::parse::<Currency>),
            None => self.currency,
        };
        let total = currency.and_then(|currency| self.amount(cells, &columns.amount, currency));
        let order_reference = columns.order_reference.as_ref().and_then(|column| cells.optional(column, 100));
        let paid = self.payment.as_ref().map(|payment| self.paid(cells, payment, currency));
        let (customer, external_id, currency, total) = (customer?, external_id?, currency?, total?);
        let invoice = NewInvoice {
            customer_id: None,
            customer: customer.key(),
            source: Some(self.source.clone()),
            external_id: Some(external_id),
            number: number?,
            kind: InvoiceKind::Invoice,
            issue_date: issue_date?,
            currency,
            total,
            net: None,
            tax: None,
            due_date: due_date.flatten(),
            terms_id: terms_id.flatten(),
            order_date: None,
            delivery_date: None,
            instalments: Vec::new(),
            order_reference,
            credit_decision_id: None,
            delivery_reference: None,
            structured_reference: None,
            payment_link: None,
            metadata: Pairs::default(),
            late_interest: None,
            fixed_sum: None,
            documents: Vec::new(),
        };
        let payment = match paid {
            Some(paid) => paid?.map(|(date, amount)| self.payment(&invoice, date, amount.unwrap_or(total))),
            None => None,
        };
        Some(Row { customer, invoice, payment })
    }

    fn customer(&self, cells: &mut Cells<'_>) -> Option<NewCustomer> {
        let columns = &self.customer;
        let (external_id, name) = (cells.text(&columns.external_id, 200), cells.text(&columns.name, 140));
        let optional = |cells: &mut Cells<'_>, column: &Option<String>, max| column.as_ref().and_then(|column| cells.optional(column, max));
        let (number, segment) = (optional(cells, &columns.number, 60), optional(cells, &columns.segment, 60));
        let person = optional(cells, &columns.contact_name, 140);
        let email =
            columns.email.as_ref().filter(|column| !cells.raw(column).is_empty()).and_then(|column| cells.parsed(column, str::parse));
        let phone =
            columns.phone.as_ref().filter(|column| !cells.raw(column).is_empty()).and_then(|column| cells.parsed(column, str::parse));
        let name = name?;
        let reachable = email.is_some() || phone.is_some() || person.is_some();
        let contact = NewContact {
            name: person.unwrap_or_else(|| name.clone()),
            role: None,
            email,
            phone,
            language: None,
            opted_out: Vec::new(),
            primary: false,
        };
        Some(NewCustomer {
            source: Some(self.source.clone()),
            external_id: Some(external_id?),
            number,
            name,
            kind: self.customer_kind,
            jurisdiction: None,
            language: None,
            time_zone: None,
            segment,
            score: None,
            company: Default::default(),
            policy_id: None,
            interest: Change::Keep,
            terms_id: Change::Keep,
            identifiers: Pairs::default(),
            address: Address::default(),
            metadata: Pairs::default(),
            contacts: if reachable { vec![contact] } else { Vec::new() },
        })
    }

    /// When and how much was paid: `Some(None)` for nothing, `None` for a cell that cannot be read.
    fn paid(
        &self,
        cells: &mut Cells<'_>,
        columns: &PaymentColumns,
        currency: Option<Currency>,
    ) -> Option<Option<(NaiveDate, Option<i64>)>> {
        if cells.raw(&columns.date).is_empty() {
            return Some(None);
        }
        let date = self.date(cells, &columns.date);
        let amount = match &columns.amount {
            Some(column) => Some(self.amount(cells, column, currency?)?),
            None => None,
        };
        if amount == Some(0) {
            return Some(None);
        }
        Some(Some((date?, amount)))
    }

    fn payment(&self, invoice: &NewInvoice, received_on: NaiveDate, amount: i64) -> NewSettlement {
        let name = invoice.external_id.as_deref().unwrap_or_default();
        let payment = NewPayment {
            customer_id: None,
            customer: invoice.customer.clone(),
            source: Some(self.source.clone()),
            external_id: Some(format!("{name}:settled")),
            currency: invoice.currency,
            amount,
            received_on,
            method: None,
            reference: None,
            metadata: Pairs::default(),
            allocations: None,
            allocate: None,
        };
        NewSettlement { allocations: NewAllocations::default(), ..payment.into() }
    }

    fn date(&self, cells: &mut Cells<'_>, column: &str) -> Option<NaiveDate> {
        cells.parsed(column, |text| {
            NaiveDate::parse_from_str(text, &self.date_format).map_err(|_| format!("not a date written as {}", self.date_format))
        })
    }

    fn amount(&self, cells: &mut Cells<'_>, column: &str, currency: Currency) -> Option<i64> {
        cells.parsed(column, |text| minor(text, self.decimal_separator, currency))
    }
}

/// The cells of one row by their headings, and what is wrong with them.
struct Cells<'a> {
    row: u64,
    headings: &'a [String],
    cells: &'a [&'a str],
    problems: Vec<CellProblem>,
}

impl<'a> Cells<'a> {
    fn raw(&self, column: &str) -> &'a str {
        let place = self.headings.iter().position(|one| one == column);
        place.and_then(|place| self.cells.get(place)).map_or("", |cell| cell.trim())
    }

    fn wrong(&mut self, column: &str, problem: impl Into<String>) {
        let (column, value) = (column.to_owned(), self.raw(column).to_owned());
        self.problems.push(CellProblem { row: self.row, column, value, problem: problem.into() });
    }

    fn parsed<T>(&mut self, column: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        parse(self.raw(column)).map_err(|problem| self.wrong(column, problem)).ok()
    }

    fn text(&mut self, column: &str, max: usize) -> Option<String> {
        let text = self.optional(column, max);
        if text.is_none() && self.raw(column).is_empty() {
            self.wrong(column, "is empty");
        }
        text
    }

    fn optional(&mut self, column: &str, max: usize) -> Option<String> {
        let text = self.raw(column);
        if text.chars().count() > max || text.chars().any(char::is_control) {
            self.wrong(column, format!("at most {max} characters, without control characters"));
            return None;
        }
        (!text.is_empty()).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_shows_in_the_first_line() {
        assert_eq!([sniff("a,b,c"), sniff("a;b,c;d"), sniff("a\tb"), sniff("a|b"), sniff("a")], [',', ';', '\t', '|', ',']);
    }

    /// A few hundred tables, or for as many seconds as `RELANCE_FUZZ_SECONDS` says.
    #[test]
    fn foreign_tables_are_read_or_refused() {
        use proptest::{prelude::*, test_runner::TestRunner};

        let mapping: Mapping = toml::from_str(
            "source = \"old\"\ndate_format = \"%d/%m/%Y\"\ndecimal_separator = \",\"\ncurrency = \"EUR\"\n[customer]\nexternal_id = \"a\"\nname = \"b\"\nemail = \"c\"\n\
             [invoice]\nexternal_id = \"d\"\nnumber = \"d\"\nissue_date = \"e\"\ndue_date = \"f\"\namount = \"g\"\n[payment]\ndate = \"h\"\n",
        )
        .unwrap();
        let headings: Vec<String> = "abcdefgh".chars().map(String::from).collect();
        let seconds = std::env::var("RELANCE_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
        let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
        let cell = prop_oneof!["[0-9]{1,2}/[0-9]{1,2}/[0-9]{1,5}", "-?[0-9 ]{0,25},?[0-9]{0,5}", "\\PC{0,20}", ".{0,20}"];
        let table = (proptest::collection::vec(cell, 0..12), ".{0,40}", proptest::collection::vec("[a-i]", 0..10));
        loop {
            let mut runner = TestRunner::new(proptest::test_runner::Config { failure_persistence: None, ..Default::default() });
            let read = |(cells, line, other): (Vec<String>, String, Vec<String>)| {
                let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
                let _ = (sniff(&line), mapping.check(&other), mapping.read(1, &headings, &cells), mapping.read(u64::MAX, &other, &cells));
                Ok(())
            };
            runner.run(&table, read).unwrap();
            if std::time::Instant::now() >= end {
                return;
            }
        }
    }
}
