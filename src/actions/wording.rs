//! From an account to the words about it: gathers the facts that a template sees, and fills it in.
//!
//! Not here: which template, and whether anything is said at all.

use chrono::{DateTime, Days, Utc};

use crate::{
    domain::{
        calendar::local,
        contact::Channel,
        dunning::{
            account::Breach,
            policy::{BROKEN_PLAN, BROKEN_PROMISE, Step},
            reminder::ListedInstalment,
        },
        ids::{ContactId, InvoiceId},
        ledger::promise::PromiseState,
        locale::Language,
        money::Money,
        template::{
            self,
            facts::{Bank, Contact, Creditor, Customer, Facts, InvoiceLine, Previous, Promised},
            render::{RenderError, Rendered},
            source::Source,
        },
    },
    store::{facts::Loaded, tenants::Tenant},
};

/// The most lines that a message lists; the total covers them all.
const MAX_LINES: usize = 300;

/// What a message is about.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// Who writes.
    pub tenant: &'a Tenant,
    /// To whom, about what.
    pub loaded: &'a Loaded,
    /// The person written to.
    pub contact: Option<ContactId>,
    /// What is claimed.
    pub lines: &'a [ListedInstalment],
    /// Which step.
    pub step: &'a Step,
    /// Its place in the policy, from 1.
    pub number: u32,
    /// 1, or more for a repetition; of a step about broken words, which of them.
    pub cycle: i32,
    /// When the account was last reminded in writing.
    pub previous: Option<DateTime<Utc>>,
    /// Where the recipient stops such messages.
    pub unsubscribe_link: Option<&'a str>,
    /// The tenant's present.
    pub now: DateTime<Utc>,
}

impl Occasion<'_> {
    /// Fills in `source` for `channel`, in the recipient's language as far as it is spoken.
    ///
    /// # Errors
    /// Why there are no words: a missing part, a fact that is absent, a text that grows too long.
    pub fn write(&self, channel: Channel, source: &Source) -> Result<Rendered, RenderError> {
        let (language, content) = source.in_language(self.languages()).ok_or(RenderError::Missing { part: "contents" })?;
        template::render::render(channel, content, &self.facts(language))
    }

    fn languages(&self) -> impl Iterator<Item = Language> {
        let customer = &self.loaded.account.customer;
        let person = customer.contacts.iter().find(|contact| Some(contact.id) == self.contact).and_then(|contact| contact.language);
        [person, customer.language, Some(self.tenant.language)].into_iter().flatten()
    }

    fn facts(&self, language: Language) -> Facts {
        let currency = self.loaded.account.currency;
        let zone = self.tenant.zone();
        let today = local::date(zone, self.now);
        let sum = |lines: &mut dyn Iterator<Item = &ListedInstalment>| {
            Money::new(lines.fold(0i64, |sum, line| sum.saturating_add(line.claimed_minor)), currency)
        };
        let customer_name = &self.loaded.name;
        let contact_name = self.contact.and_then(|id| self.loaded.contact_names.get(&id)).unwrap_or(customer_name);
        let links: Vec<&String> = self.invoices().filter_map(|invoice| self.loaded.invoices.get(&invoice)?.payment_link.as_ref()).collect();
        Facts {
            creditor: self.creditor(),
            customer: Customer { name: customer_name.clone(), number: self.loaded.number.clone() },
            contact: Contact { name: contact_name.clone(), first_name: None },
            invoices: self.lines.iter().take(MAX_LINES).filter_map(|line| self.line(line, today)).collect(),
            total: sum(&mut self.lines.iter()),
            overdue_total: sum(&mut self.lines.iter().filter(|line| line.overdue)),
            currency,
            step: template::facts::Step { key: self.step.key.clone(), number: self.number },
            previous: self.previous.map(|at| Previous { sent_on: local::date(zone, at) }),
            promise: self.promised(),
            deadline: self.step.deadline_days.and_then(|days| today.checked_add_days(Days::new(u64::from(days)))),
            // One link serves the whole message only if it is the only one.
            payment_link: links.first().filter(|first| links.iter().all(|link| link == *first)).map(|link| (*link).clone()),
            unsubscribe_link: self.unsubscribe_link.map(str::to_owned),
            today,
            late_count: u32::try_from(self.lines.iter().filter(|line| line.overdue).count()).unwrap_or(u32::MAX),
            language,
        }
    }

    /// The word that was broken: the one that this step is about, else the last promise of late.
    fn promised(&self) -> Option<Promised> {
        let account = &self.loaded.account;
        let is_meant = |breach: &Breach| i64::from(breach.number) == i64::from(self.cycle);
        let (amount_minor, date) = if self.step.key == BROKEN_PLAN {
            let plan = account.payment_plans.iter().find(|plan| plan.breach.as_ref().is_some_and(is_meant))?;
            let missed = plan.missed()?;
            (missed.amount, missed.due_on)
        } else {
            let about_one = self.step.key == BROKEN_PROMISE;
            let broken = account.promises.iter().filter(|promise| promise.state == PromiseState::Broken);
            let meant = broken.filter(|promise| promise.breach.as_ref().is_some_and(|breach| !about_one || is_meant(breach)));
            let promise = meant.max_by_key(|promise| promise.breach.map(|breach| breach.number))?;
            (promise.terms.amount_minor, promise.due_on)
        };
        Some(Promised { amount: Money::new(amount_minor, account.currency), date })
    }

    fn creditor(&self) -> Creditor {
        let letterhead = &self.tenant.settings.letterhead;
        Creditor {
            name: self.tenant.name.clone(),
            address: letterhead.address.iter().map(|line| line.0.clone()).collect(),
            email: letterhead.email.as_ref().map(ToString::to_string),
            phone: letterhead.phone.as_ref().map(ToString::to_string),
            registration: letterhead.registration.clone(),
            bank: letterhead.bank.as_ref().map(|bank| Bank {
                iban: grouped(&bank.iban),
                bic: bank.bic.clone(),
                holder: bank.holder.clone(),
            }),
        }
    }

    fn invoices(&self) -> impl Iterator<Item = InvoiceId> {
        self.lines
            .iter()
            .filter_map(|line| self.loaded.account.instalments.iter().find(|one| one.id == line.instalment_id))
            .map(|one| one.invoice_id)
    }

    fn line(&self, line: &ListedInstalment, today: chrono::NaiveDate) -> Option<InvoiceLine> {
        let currency = self.loaded.account.currency;
        let instalment = self.loaded.account.instalments.iter().find(|one| one.id == line.instalment_id)?;
        let invoice = self.loaded.invoices.get(&instalment.invoice_id)?;
        Some(InvoiceLine {
            number: instalment.invoice_number.clone(),
            issue_date: invoice.issue_date,
            due_date: instalment.due_date,
            days_late: today.signed_duration_since(instalment.due_date).num_days(),
            amount: Money::new(instalment.amount_minor, currency),
            balance: Money::new(line.claimed_minor, currency),
            order_reference: invoice.order_reference.clone(),
            payment_link: invoice.payment_link.clone(),
            structured_reference: invoice.structured_reference.clone(),
        })
    }
}

/// An IBAN as it is printed, in groups of four.
fn grouped(iban: &str) -> String {
    let letters: Vec<char> = iban.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
