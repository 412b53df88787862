//! The facts that every template sees: one context, the same for a message, a letter and a script.
//!
//! Not here: how the facts are gathered (that takes a ledger) nor their names and kinds as templates know them, which
//! [`variables`](super::variables) lists. Invariant: every amount is of one currency, and what may be absent is an `Option`.

use chrono::NaiveDate;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::format::payment_method;
use crate::domain::{
    ledger::settlement::PaymentMethod,
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
    /// What late payment has come to, from the step on that speaks of it.
    pub interest: Option<Interest>,
    /// What the law will let a consumer be charged for the costs of collection if nothing is paid in the days that a first reminder leaves: by the Dutch scale, or as
    /// agreed in Belgium.
    #[serde(serialize_with = "maybe_amount")]
    pub collection_costs: Option<Money>,
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
    /// What the terms of the invoices listed say in this language, each sentence once.
    pub clauses: Vec<String>,
    /// How the terms of the invoices listed let them be paid, in words; empty where they do not say.
    pub payment_methods: Vec<String>,
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
    /// What paying early saves, while it does.
    pub discount: Option<Discount>,
}

/// A discount for paying early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Discount {
    /// What is saved.
    #[serde(serialize_with = "amount")]
    pub amount: Money,
    /// What is left to pay with it.
    #[serde(serialize_with = "amount")]
    pub pay: Money,
    /// The last day on which paying earns it.
    pub last_day: NaiveDate,
}

/// What late payment has come to, for the invoices listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interest {
    /// The interest owed, charged or not.
    #[serde(serialize_with = "amount")]
    pub amount: Money,
    /// The fixed sums for recovery costs owed, if any are.
    #[serde(serialize_with = "maybe_amount")]
    pub fixed_sum: Option<Money>,
    /// Both.
    #[serde(serialize_with = "amount")]
    pub total: Money,
    /// Both, and the balances listed.
    #[serde(serialize_with = "amount")]
    pub total_due: Money,
    /// The last day that it covers.
    pub until: NaiveDate,
    /// Whether a rate is not published yet.
    pub provisional: bool,
    /// How the interest came about, oldest first. Part of it may be paid or waived already.
    pub lines: Vec<InterestRow>,
}

/// Interest on one amount at one rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InterestRow {
    /// The invoice's number.
    pub invoice: String,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// How many days that is.
    pub days: i64,
    /// What bore the interest.
    #[serde(serialize_with = "amount")]
    pub principal: Money,
    /// Percent a year, with the decimal sign of the language: `12,40`.
    pub rate: String,
    /// The interest, rounded to the minor unit.
    #[serde(serialize_with = "amount")]
    pub amount: Money,
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

fn maybe_amount<S: Serializer>(money: &Option<Money>, to: S) -> Result<S::Ok, S::Error> {
    match money {
        Some(money) => amount(money, to),
        None => to.serialize_none(),
    }
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
            interest: Some(Interest {
                amount: euros(539),
                fixed_sum: Some(euros(8_000)),
                total: euros(8_539),
                total_due: euros(154_989),
                until: TODAY,
                provisional: true,
                lines: vec![
                    interest("F-2026-0042", day(2026, 3, 3), 14, 98_450, 459),
                    interest("F-2026-0057", day(2026, 3, 12), 5, 48_000, 80),
                ],
            }),
            collection_costs: Some(euros(21_968)),
            step: Step { key: "first_reminder".to_owned(), number: 2 },
            previous: Some(Previous { sent_on: day(2026, 3, 5) }),
            promise: Some(Promised { amount: euros(98_450), date: day(2026, 3, 13) }),
            deadline: Some(day(2026, 3, 23)),
            payment_link: Some("https://pay.example.com/p/8fK2qT".to_owned()),
            unsubscribe_link: Some("https://pay.example.com/u/8fK2qT".to_owned()),
            today: TODAY,
            clauses: vec![clause(language).to_owned()],
            payment_methods: vec![payment_method(PaymentMethod::Transfer, language).to_owned()],
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
            invoices: vec![InvoiceLine { payment_link: None, structured_reference: None, discount: None, ..invoice }],
            total: euros(48_000),
            overdue_total: euros(48_000),
            interest: None,
            collection_costs: None,
            previous: None,
            promise: None,
            deadline: None,
            payment_link: None,
            unsubscribe_link: None,
            clauses: Vec::new(),
            payment_methods: Vec::new(),
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
        discount: Some(Discount { amount: euros(balance / 50), pay: euros(balance - balance / 50), last_day: day(2026, 3, 20) }),
    }
}

/// A sentence of invented terms.
const fn clause(language: Language) -> &'static str {
    match language {
        Language::French => "Escompte de 2 % pour paiement sous 10 jours.",
        Language::English => "2% discount for payment within 10 days.",
        Language::Dutch => "2% korting bij betaling binnen 10 dagen.",
        Language::German => "2 % Skonto bei Zahlung innerhalb von 10 Tagen.",
    }
}

fn interest(invoice: &str, from: NaiveDate, days: i64, principal: i64, amount: i64) -> InterestRow {
    let (principal, amount) = (euros(principal), euros(amount));
    InterestRow { invoice: invoice.to_owned(), from, to: TODAY, days, principal, rate: "12.15".to_owned(), amount }
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
            if let Some(interest) = facts.interest {
                let sum = interest.lines.iter().try_fold(euros(0), |sum, line| sum.checked_add(line.amount)).unwrap();
                assert_eq!((sum, sum.checked_add(interest.fixed_sum.unwrap())), (interest.amount, Some(interest.total)));
                assert_eq!(facts.total.checked_add(interest.total), Some(interest.total_due));
            }
        }
    }
}
