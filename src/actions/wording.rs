//! From an account to the words about it: gathers the facts that a template sees, and fills it in.
//!
//! Not here: which template, and whether anything is said at all. Invariant: whatever the size of a batch, each template is read and parsed once for it.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use chrono::{DateTime, Days, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::{Act, interest::Told};
use crate::{
    domain::{
        calendar::local,
        contact::Channel,
        customer::CustomerKind,
        dunning::{
            account::Breach,
            policy::{BROKEN_PLAN, BROKEN_PROMISE, Step},
            reminder::ListedInstalment,
        },
        ids::{ContactId, InvoiceId},
        ledger::{
            interest::{Line, minor, sum_ahead},
            promise::PromiseState,
            terms::Terms,
        },
        locale::Language,
        money::{Currency, Money},
        template::{
            self,
            facts::{Bank, Contact, Creditor, Customer, Discount, Facts, Interest, InterestRow, InvoiceLine, Previous, Promised},
            format::payment_method,
            render::{Form, RenderError, Rendered},
            sms,
            source::Source,
        },
    },
    error::{Error, Result},
    store::{self, facts::Loaded, tenants::Tenant},
};

/// The most lines that a message lists; the total covers them all.
const MAX_LINES: usize = 300;

/// The most lines of interest; its total covers them all.
const MAX_INTEREST_LINES: usize = 60;

/// The templates in force, as a batch of accounts meets them.
#[derive(Debug, Default)]
pub struct Templates(HashMap<String, Template>);

impl Templates {
    /// The template of that key.
    ///
    /// # Errors
    /// The store's.
    pub fn get(&mut self, act: &mut Act<'_>, key: &str) -> Result<&mut Template> {
        if !self.0.contains_key(key) {
            self.0.insert(key.to_owned(), Template::new(store::templates::active(act.conn, act.tenant, key)?));
        }
        self.0.get_mut(key).ok_or_else(|| Error::internal("a template was lost"))
    }
}

/// A template, and what has been parsed of it.
#[derive(Debug)]
pub struct Template {
    source: Source,
    forms: HashMap<(Channel, Language, Currency), Form>,
}

impl Template {
    /// Nothing is parsed yet.
    pub fn new(source: Source) -> Self {
        Self { source, forms: HashMap::new() }
    }

    fn form(
        &mut self,
        channel: Channel,
        languages: impl IntoIterator<Item = Language>,
        currency: Currency,
    ) -> Result<(Language, &Form), RenderError> {
        let (language, content) = self.source.in_language(languages).ok_or(RenderError::Missing { part: "contents" })?;
        Ok(match self.forms.entry((channel, language, currency)) {
            Entry::Occupied(known) => (language, known.into_mut()),
            Entry::Vacant(place) => (language, place.insert(Form::new(channel, content, language, currency)?)),
        })
    }
}

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
    /// What it says of late-payment interest, if anything.
    pub interest: Option<&'a Told>,
    /// Where the recipient stops such messages.
    pub unsubscribe_link: Option<&'a str>,
    /// The tenant's present.
    pub now: DateTime<Utc>,
}

impl Occasion<'_> {
    /// Fills in `template` for `channel`, in the recipient's language as far as it is spoken.
    ///
    /// # Errors
    /// Why there are no words: a missing part, a fact that is absent, a text that grows too long.
    pub fn write(&self, channel: Channel, template: &mut Template) -> Result<Rendered, RenderError> {
        let (language, form) = template.form(channel, self.languages(), self.loaded.account.currency)?;
        Ok(match form.fill(&self.facts(language))? {
            Rendered::Sms { text, segments } if self.step.transliterate => match sms::transliterate(&text) {
                Some(cheaper) => Rendered::Sms { text: cheaper.text, segments: cheaper.segments },
                None => Rendered::Sms { text, segments },
            },
            rendered => rendered,
        })
    }

    /// The language that [`Self::write`] writes in.
    pub fn language(&self, template: &Template) -> Language {
        template.source.in_language(self.languages()).map_or(self.tenant.language, |(language, _)| language)
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
        let total = sum(&mut self.lines.iter());
        let customer_name = &self.loaded.name;
        let contact_name = self.contact.and_then(|id| self.loaded.contact_names.get(&id)).unwrap_or(customer_name);
        let links: Vec<&String> = self.invoices().filter_map(|invoice| self.loaded.invoices.get(&invoice)?.payment_link.as_ref()).collect();
        Facts {
            creditor: self.creditor(),
            customer: Customer { name: customer_name.clone(), number: self.loaded.number.clone() },
            contact: Contact { name: contact_name.clone(), first_name: None },
            invoices: self.lines.iter().take(MAX_LINES).filter_map(|line| self.line(line, today)).collect(),
            total,
            overdue_total: sum(&mut self.lines.iter().filter(|line| line.overdue)),
            currency,
            interest: self.interest.map(|told| interest(told, total, language)),
            collection_costs: self.collection_costs(),
            step: template::facts::Step { key: self.step.key.clone(), number: self.number },
            previous: self.previous.map(|at| Previous { sent_on: local::date(zone, at) }),
            promise: self.promised(),
            deadline: self.step.deadline_days.and_then(|days| today.checked_add_days(Days::new(u64::from(days)))),
            // One link serves the whole message only if it is the only one.
            payment_link: links.first().filter(|first| links.iter().all(|link| link == *first)).map(|link| (*link).clone()),
            unsubscribe_link: self.unsubscribe_link.map(str::to_owned),
            today,
            clauses: each_once(self.terms().flat_map(|terms| terms.clauses_in(language)).map(str::to_owned)),
            payment_methods: each_once(
                self.terms().flat_map(|terms| &terms.payment_methods).map(|method| payment_method(*method, language).to_owned()),
            ),
            late_count: u32::try_from(self.lines.iter().filter(|line| line.overdue).count()).unwrap_or(u32::MAX),
            language,
        }
    }

    /// What a consumer will owe for the costs of collection, invoice by invoice, of what is overdue.
    fn collection_costs(&self) -> Option<Money> {
        let account = &self.loaded.account;
        if account.customer.kind != CustomerKind::Consumer {
            return None;
        }
        let mut overdue = BTreeMap::<InvoiceId, i64>::new();
        for line in self.lines.iter().filter(|line| line.overdue) {
            let one = account.instalments.iter().find(|one| one.id == line.instalment_id)?;
            let sum = overdue.entry(one.invoice_id).or_default();
            *sum = sum.saturating_add(line.claimed_minor);
        }
        let costs = overdue.into_iter().filter_map(|(invoice, principal)| {
            let clause = self.loaded.invoices.get(&invoice)?.fixed_sum.clone().unwrap_or_default();
            sum_ahead(&clause, &account.customer.jurisdiction, account.currency, principal)
        });
        let sum = costs.fold(0_i64, i64::saturating_add);
        (sum > 0).then(|| Money::new(sum, account.currency))
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

    /// The invoices of what is claimed.
    fn invoices(&self) -> impl Iterator<Item = InvoiceId> {
        self.lines
            .iter()
            .filter_map(|line| self.loaded.account.instalments.iter().find(|one| one.id == line.instalment_id))
            .map(|one| one.invoice_id)
    }

    /// The terms of the invoices listed.
    fn terms(&self) -> impl Iterator<Item = &Terms> {
        self.lines.iter().filter_map(|line| self.loaded.offers.get(&line.instalment_id)?.terms.as_deref())
    }

    /// What paying a line today saves.
    fn discount(&self, line: &ListedInstalment, today: NaiveDate) -> Option<Discount> {
        let offered = self.loaded.offers.get(&line.instalment_id)?.discount?;
        let pay = line.claimed_minor.checked_sub(offered.amount).filter(|left| *left > 0)?;
        let money = |minor| Money::new(minor, self.loaded.account.currency);
        (today <= offered.last_day).then(|| Discount { amount: money(offered.amount), pay: money(pay), last_day: offered.last_day })
    }

    fn line(&self, line: &ListedInstalment, today: NaiveDate) -> Option<InvoiceLine> {
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
            discount: self.discount(line, today),
        })
    }
}

/// What is said of interest beside a total of balances.
fn interest(told: &Told, total: Money, language: Language) -> Interest {
    let money = |minor| Money::new(minor, total.currency);
    let (amount, fixed_sum) = (told.interest(), told.fixed_sum());
    let both = amount.saturating_add(fixed_sum);
    let row = |(invoice, line): (&str, &Line)| {
        Some(InterestRow {
            invoice: invoice.to_owned(),
            from: line.from,
            to: line.to,
            days: line.days,
            principal: money(line.principal_minor),
            rate: decimal(line.rate_percent?, language),
            amount: money(minor(line.amount, total.currency.decimals())),
        })
    };
    Interest {
        amount: money(amount),
        fixed_sum: (fixed_sum > 0).then(|| money(fixed_sum)),
        total: money(both),
        total_due: money(both.saturating_add(total.minor)),
        until: told.until,
        provisional: told.provisional(),
        lines: told.lines().filter_map(row).take(MAX_INTEREST_LINES).collect(),
    }
}

/// A rate as it is printed, without zeros that say nothing.
fn decimal(rate: Decimal, language: Language) -> String {
    let text = rate.normalize().to_string();
    match language {
        Language::English => text,
        Language::French | Language::Dutch | Language::German => text.replace('.', ","),
    }
}

/// Texts without repetition, in their order.
fn each_once(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.filter(|text| seen.insert(text.clone())).collect()
}

/// An IBAN as it is printed, in groups of four.
fn grouped(iban: &str) -> String {
    let letters: Vec<char> = iban.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
