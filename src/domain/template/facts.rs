//! The facts that every template sees: one context, the same for a message, a letter and a script.
//!
//! Not here: how the facts are gathered (that takes a ledger) nor their names and kinds as templates know them, which
//! [`variables`](super::variables) lists. Invariant: every amount is of one currency, and what may be absent is an `Option`.

use chrono::NaiveDate;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::domain::{
    locale::Language,
    money::{Currency, Money},
};

/// Everything a template may speak of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Who is owed.
    pub creditor: Creditor,
    /// Who owes.
    pub customer: Customer,
    /// The person written to.
    pub contact: Contact,
    /// What is claimed: one line per instalment, oldest first.
    pub invoices: Vec<InvoiceLine>,
    /// The sum of the balances listed.
    #[serde(serialize_with = "amount")]
    pub total: Money,
    /// The part of `total` that is past its due date.
    #[serde(serialize_with = "amount")]
    pub overdue_total: Money,
    /// The currency of every amount.
    pub currency: Currency,
    /// The rung of the policy.
    pub step: Step,
    /// The reminder before this one, if there was one.
    pub previous: Option<Previous>,
    /// The promise, or the part of a payment plan, that was not kept.
    pub promise: Option<Promised>,
    /// The last day to pay before what is announced happens.
    pub deadline: Option<NaiveDate>,
    /// The page where everything listed can be paid.
    pub payment_link: Option<String>,
    /// The page that stops messages on this channel.
    pub unsubscribe_link: Option<String>,
    /// The day of writing, in the tenant's zone.
    pub today: NaiveDate,
    /// How many of the lines are past their due date.
    pub late_count: u32,
    /// The language written in; it decides how amounts and dates look.
    pub language: Language,
}

/// Who is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Creditor {
    /// Its name.
    pub name: String,
    /// Its postal address, line by line.
    pub address: Vec<String>,
    /// Where an answer goes.
    pub email: Option<String>,
    /// Whom to call.
    pub phone: Option<String>,
    /// Its registration, as its law wants it printed: `RCS Lyon 123 456 789`.
    pub registration: Option<String>,
    /// Where to pay by transfer.
    pub bank: Option<Bank>,
}

/// A bank account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bank {
    /// IBAN, in groups of four as it is printed.
    pub iban: String,
    /// BIC, where it is still asked for.
    pub bic: Option<String>,
    /// In whose name.
    pub holder: String,
}

/// Who owes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Customer {
    /// Its name.
    pub name: String,
    /// Its number in the creditor's books.
    pub number: Option<String>,
}

/// The person written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// Full name; the customer's own where no person is known.
    pub name: String,
    /// First name, if known apart.
    pub first_name: Option<String>,
}

/// One instalment of one invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvoiceLine {
    /// The invoice's number.
    pub number: String,
    /// When it was issued.
    pub issue_date: NaiveDate,
    /// When this instalment is due.
    pub due_date: NaiveDate,
    /// Days since the due date; zero on that day, negative before.
    pub days_late: i64,
    /// The instalment, tax included.
    #[serde(serialize_with = "amount")]
    pub amount: Money,
    /// What is still owed of it.
    #[serde(serialize_with = "amount")]
    pub balance: Money,
    /// The customer's own order reference.
    pub order_reference: Option<String>,
    /// The page where this one can be paid.
    pub payment_link: Option<String>,
    /// The structured reference to give with a transfer (ISO 11649, or a national form).
    pub structured_reference: Option<String>,
}

/// The rung of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its key: `first_reminder`.
    pub key: String,
    /// Its place in the policy, from 1.
    pub number: u32,
}

/// An earlier reminder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Previous {
    /// The day it went out, in the tenant's zone.
    pub sent_on: NaiveDate,
}

/// A promise to pay, or a part of a payment plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Promised {
    /// How much was promised.
    #[serde(serialize_with = "amount")]
    pub amount: Money,
    /// For which day.
    pub date: NaiveDate,
}

/// Amounts travel to the engine whole, so that only the filter `money` can print them.
fn amount<S: Serializer>(money: &Money, to: S) -> Result<S::Ok, S::Error> {
    let mut fields = to.serialize_struct("Money", 2)?;
    fields.serialize_field("minor", &money.minor)?;
    fields.serialize_field("currency", &money.currency)?;
    fields.end()
}

/// The two trials of every template: [`Facts::sample`] with everything, and [`Facts::bare`] with nothing optional.
pub fn samples(language: Language) -> [Facts; 2] {
    [Facts::sample(language), Facts::bare(language)]
}

/// The day of every sample.
const TODAY: NaiveDate = day(2026, 3, 16);

const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MIN,
    }
}

const fn euros(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

impl Facts {
    /// An invented account where everything is known: for previews, and to try templates on.
    pub fn sample(language: Language) -> Self {
        Self {
            creditor: Creditor {
                name: "Atelier Martin".to_owned(),
                address: vec!["12 rue des Lilas".to_owned(), "69003 Lyon".to_owned()],
                email: Some("compta@atelier-martin.example".to_owned()),
                phone: Some("+33 4 72 00 00 00".to_owned()),
                registration: Some("RCS Lyon 123 456 789".to_owned()),
                bank: Some(Bank {
                    iban: "FR76 3000 6000 0112 3456 7890 189".to_owned(),
                    bic: Some("AGRIFRPP".to_owned()),
                    holder: "Atelier Martin".to_owned(),
                }),
            },
            customer: Customer { name: "Dupont & Fils".to_owned(), number: Some("C-1042".to_owned()) },
            contact: Contact { name: "Camille Dupont".to_owned(), first_name: Some("Camille".to_owned()) },
            invoices: vec![
                line("F-2026-0042", day(2026, 1, 31), day(2026, 3, 2), 123_450, 98_450, Some("PO-7781")),
                line("F-2026-0057", day(2026, 2, 9), day(2026, 3, 11), 48_000, 48_000, None),
            ],
            total: euros(146_450),
            overdue_total: euros(146_450),
            currency: Currency::EUR,
            step: Step { key: "first_reminder".to_owned(), number: 2 },
            previous: Some(Previous { sent_on: day(2026, 3, 5) }),
            promise: Some(Promised { amount: euros(98_450), date: day(2026, 3, 13) }),
            deadline: Some(day(2026, 3, 23)),
            payment_link: Some("https://pay.example.com/p/8fK2qT".to_owned()),
            unsubscribe_link: Some("https://pay.example.com/u/8fK2qT".to_owned()),
            today: TODAY,
            late_count: 2,
            language,
        }
    }

    /// The same account with one invoice, and nothing that may be absent.
    pub fn bare(language: Language) -> Self {
        let full = Self::sample(language);
        let creditor = Creditor { address: Vec::new(), email: None, phone: None, registration: None, bank: None, ..full.creditor };
        let invoice = line("F-2026-0057", day(2026, 2, 9), day(2026, 3, 11), 48_000, 48_000, None);
        Self {
            creditor,
            customer: Customer { number: None, ..full.customer },
            contact: Contact { first_name: None, ..full.contact },
            invoices: vec![InvoiceLine { payment_link: None, structured_reference: None, ..invoice }],
            total: euros(48_000),
            overdue_total: euros(48_000),
            previous: None,
            promise: None,
            deadline: None,
            payment_link: None,
            unsubscribe_link: None,
            late_count: 1,
            ..full
        }
    }
}

fn line(number: &str, issue_date: NaiveDate, due_date: NaiveDate, amount: i64, balance: i64, order: Option<&str>) -> InvoiceLine {
    InvoiceLine {
        number: number.to_owned(),
        issue_date,
        due_date,
        days_late: TODAY.signed_duration_since(due_date).num_days(),
        amount: euros(amount),
        balance: euros(balance),
        order_reference: order.map(str::to_owned),
        payment_link: Some("https://pay.example.com/i/3xR9mB".to_owned()),
        structured_reference: Some("RF18 5390 0754 7034".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_add_up() {
        for facts in samples(Language::French) {
            let sum = facts.invoices.iter().try_fold(euros(0), |sum, line| sum.checked_add(line.balance)).unwrap();
            assert_eq!(sum, facts.total);
            let late = facts.invoices.iter().filter(|line| line.days_late > 0).count();
            assert_eq!(u32::try_from(late), Ok(facts.late_count));
        }
    }
}
