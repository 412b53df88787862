//! Loads what a decision needs to know, many accounts at once: a handful of statements whatever their number.
//!
//! Invariant: all facts of a batch are of one transaction, so of one moment.

mod offers;
mod post;
mod unreached;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, Queryable, RunQueryDsl};

pub use offers::Offer;

use super::{
    Conn, Json, Ts,
    credit::CreditProfile,
    schema::{contacts, customers, instalments, invoices, reminders, settlements, tasks},
};
use crate::{
    domain::{
        contact::{Channel, Email, Phone},
        customer::CustomerKind,
        dunning::{
            account::{
                Account, Bar, Barred, ContactFacts, Contacted, CustomerFacts, InstalmentFacts, OpenReminder, Progress, ReviewReason,
            },
            reminder::{ReminderState, TaskKind, TaskState},
        },
        ids::{ContactId, CustomerId, InstalmentId, InvoiceId, PolicyId, ReminderId, TenantId},
        ledger::{InvoiceKind, interest::FixedSum},
        locale::{Jurisdiction, Language},
        money::Currency,
        post::Post,
        suppression::Address,
    },
    error::{Error, Result},
};

/// How far back contacts are counted: the longest cap and the longest gap that a policy can ask for.
const HORIZON: TimeDelta = TimeDelta::days(91);

/// An account, and what words about it need beside the decision.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// For the decision.
    pub account: Account,
    /// The policy that the creditor chose for the customer, if any.
    pub assigned_policy: Option<PolicyId>,
    /// The customer's name.
    pub name: String,
    /// The customer's number in the creditor's books.
    pub number: Option<String>,
    /// Names of the contacts.
    pub contact_names: HashMap<ContactId, String>,
    /// When a score set by hand ends.
    pub score_changes_at: Option<DateTime<Utc>>,
    /// When the account was last reminded in writing, as far back as contacts are counted.
    pub last_written_at: Option<DateTime<Utc>>,
    /// The invoices of the open instalments.
    pub invoices: HashMap<InvoiceId, InvoiceWords>,
    /// What may be said of the terms of the open instalments that have some.
    pub offers: HashMap<InstalmentId, Offer>,
}

/// What a message says about an invoice.
#[derive(Debug, Clone)]
pub struct InvoiceWords {
    /// When it was issued.
    pub issue_date: NaiveDate,
    /// The customer's own order reference.
    pub order_reference: Option<String>,
    /// Where it can be paid.
    pub payment_link: Option<String>,
    /// What to quote with a transfer.
    pub structured_reference: Option<String>,
    /// What it says about the fixed sum.
    pub fixed_sum: Option<FixedSum>,
}

/// An account's key.
pub type Key = (CustomerId, Currency);

/// Loads accounts; those of unknown customers are absent from the answer.
pub fn load(conn: &mut Conn, tenant: TenantId, keys: &BTreeSet<Key>, now: DateTime<Utc>) -> Result<HashMap<Key, Loaded>> {
    let ids: Vec<CustomerId> = keys.iter().map(|(customer, _)| *customer).collect::<BTreeSet<_>>().into_iter().collect();
    let mut people = people(conn, tenant, &ids)?;
    let (mut debts, mut offers) = debts(conn, tenant, &ids, now)?;
    let cash = cash(conn, tenant, &ids)?;
    let mut history = history(conn, tenant, &ids, now)?;
    let mut unreached = unreached::load(conn, tenant, &history.late, now)?;
    let mut reviews = reviews(conn, tenant, &ids)?;
    let mut silences = super::silences::load(conn, tenant, &ids, now)?;
    let mut credits = super::credit::profiles(conn, tenant, &ids)?;
    let mut posts = post::load(conn, tenant, &ids)?;
    let mut loaded = HashMap::with_capacity(keys.len());
    for row in customer_rows(conn, tenant, &ids)? {
        let (facts, contact_names) = people.remove(&row.id).unwrap_or_default();
        let contacted = history.contacted.remove(&row.id).unwrap_or_default();
        let post = posts.remove(&row.id).unwrap_or_default();
        let credit = credits.remove(&row.id).unwrap_or_else(|| CreditProfile::blank(tenant, row.id));
        for &key in keys.iter().filter(|(customer, _)| *customer == row.id) {
            let (instalments, invoices) = debts.remove(&key).unwrap_or_default();
            let offers = instalments.iter().filter_map(|one| offers.remove_entry(&one.id)).collect();
            let mut account = Account {
                customer: CustomerFacts { post: post.clone(), ..row.facts(facts.clone(), &credit, now) },
                currency: key.1,
                instalments,
                unallocated_minor: cash.get(&key).copied().unwrap_or(0),
                open_reminder: history.open.remove(&key),
                unreached: unreached.remove(&key),
                open_reviews: reviews.remove(&key).unwrap_or_default(),
                promises: Vec::new(),
                payment_plans: Vec::new(),
                deadlines: Vec::new(),
                contacted: contacted.clone(),
                last_contact_at: history.last.get(&key).copied(),
            };
            silences.enter(&mut account);
            loaded.insert(
                key,
                Loaded {
                    account,
                    assigned_policy: row.policy_id,
                    name: row.name.clone(),
                    number: row.number.clone(),
                    contact_names: contact_names.clone(),
                    score_changes_at: credit.overridden(now).map(|(_, until)| until),
                    last_written_at: history.written.get(&key).copied(),
                    invoices,
                    offers,
                },
            );
        }
    }
    Ok(loaded)
}

/// Loads one account.
pub fn load_one(conn: &mut Conn, tenant: TenantId, key: Key, now: DateTime<Utc>) -> Result<Loaded> {
    load(conn, tenant, &BTreeSet::from([key]), now)?.remove(&key).ok_or(Error::NotFound("customer"))
}

#[derive(Queryable)]
struct CustomerRow {
    id: CustomerId,
    name: String,
    number: Option<String>,
    kind: CustomerKind,
    jurisdiction: Jurisdiction,
    language: Option<String>,
    time_zone: Option<String>,
    segment: Option<String>,
    score: Option<i32>,
    policy_id: Option<PolicyId>,
}

impl CustomerRow {
    fn facts(&self, contacts: Vec<ContactFacts>, credit: &CreditProfile, now: DateTime<Utc>) -> CustomerFacts {
        CustomerFacts {
            id: self.id,
            kind: self.kind,
            segment: self.segment.clone(),
            score: Some(credit.holds(self.score, credit.computed(), now).0),
            profile: credit.profile,
            jurisdiction: self.jurisdiction.clone(),
            language: self.language.as_deref().and_then(|language| language.parse().ok()),
            zone: self.time_zone.as_deref().and_then(|zone| zone.parse().ok()),
            contacts,
            post: Post::ByHand,
        }
    }
}

fn customer_rows(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId]) -> Result<Vec<CustomerRow>> {
    Ok(customers::table
        .filter(customers::tenant_id.eq(tenant).and(customers::id.eq_any(ids.to_vec())))
        .select((
            customers::id,
            customers::name,
            customers::number,
            customers::kind,
            customers::jurisdiction,
            customers::language,
            customers::time_zone,
            customers::segment,
            customers::score,
            customers::policy_id,
        ))
        .load(conn)?)
}

#[derive(Queryable)]
struct ContactRow {
    id: ContactId,
    customer_id: CustomerId,
    is_primary: bool,
    name: String,
    role: Option<String>,
    email: Option<Email>,
    phone: Option<Phone>,
    language: Option<Language>,
    opted_out: Json<Vec<Channel>>,
}

type People = HashMap<CustomerId, (Vec<ContactFacts>, HashMap<ContactId, String>)>;

fn people(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId]) -> Result<People> {
    let rows: Vec<ContactRow> = contacts::table
        .filter(contacts::tenant_id.eq(tenant).and(contacts::customer_id.eq_any(ids.to_vec())))
        .order((contacts::customer_id, contacts::position, contacts::id))
        .select((
            contacts::id,
            contacts::customer_id,
            contacts::is_primary,
            contacts::name,
            contacts::role,
            contacts::email,
            contacts::phone,
            contacts::language,
            contacts::opted_out,
        ))
        .load(conn)?;
    let addresses: Vec<Address> =
        rows.iter().flat_map(|row| [row.email.as_ref().map(Address::from), row.phone.as_ref().map(Address::from)]).flatten().collect();
    let suppressed = super::suppressions::active_for(conn, tenant, &addresses)?;
    // Where text messages go is asked only where somebody has a number.
    let texts = match rows.iter().any(|row| row.phone.is_some()) {
        true => Some(super::tenants::find(conn, tenant)?),
        false => None,
    };
    let mut people = People::new();
    for row in rows {
        let (facts, names) = people.entry(row.customer_id).or_default();
        let known = |channel, address: Option<Address>| {
            let cause = suppressed.get(&(channel, address?))?;
            let source = Some(format!("{}: {}", cause.reason, cause.source));
            Some(Barred { channel, bar: Bar::Suppressed, since: Some(cause.since), source })
        };
        let email = known(Channel::Email, row.email.as_ref().map(Address::from));
        let sms = known(Channel::Sms, row.phone.as_ref().map(Address::from)).or_else(|| {
            let (creditor, phone) = texts.as_ref().zip(row.phone.as_ref())?;
            let bar = creditor.settings.texts.bars(phone, &creditor.jurisdiction)?;
            Some(Barred { channel: Channel::Sms, bar, since: None, source: None })
        });
        names.insert(row.id, row.name);
        facts.push(ContactFacts {
            id: row.id,
            role: row.role,
            primary: row.is_primary,
            email: row.email,
            phone: row.phone,
            language: row.language,
            opted_out: row.opted_out.0,
            barred: [email, sms].into_iter().flatten().collect(),
        });
    }
    Ok(people)
}

#[derive(Queryable)]
struct DebtRow {
    id: InstalmentId,
    invoice_id: InvoiceId,
    customer_id: CustomerId,
    currency: Currency,
    position: i32,
    due_date: NaiveDate,
    amount_minor: i64,
    balance_minor: i64,
    step_key: Option<String>,
    step_cycle: Option<i32>,
    first_completed_at: Option<Ts>,
    last_completed_at: Option<Ts>,
    number: String,
    kind: InvoiceKind,
    issue_date: NaiveDate,
    order_reference: Option<String>,
    payment_link: Option<String>,
    structured_reference: Option<String>,
    fixed_sum: Option<Json<FixedSum>>,
    offer: offers::Raw,
}

impl DebtRow {
    fn split(self) -> Result<(InstalmentFacts, InvoiceWords)> {
        let progress = match (self.step_key, self.step_cycle, self.first_completed_at, self.last_completed_at) {
            (Some(step_key), Some(cycle), Some(first), Some(last)) => Some(Progress {
                step_key,
                cycle: u32::try_from(cycle).map_err(Error::internal)?,
                first_completed_at: first.0,
                last_completed_at: last.0,
            }),
            _ => None,
        };
        let facts = InstalmentFacts {
            id: self.id,
            invoice_id: self.invoice_id,
            invoice_number: self.number,
            invoice_kind: self.kind,
            position: u16::try_from(self.position).map_err(Error::internal)?,
            due_date: self.due_date,
            amount_minor: self.amount_minor,
            balance_minor: self.balance_minor,
            claimable_minor: self.balance_minor,
            silences: Vec::new(),
            progress,
        };
        let words = InvoiceWords {
            issue_date: self.issue_date,
            order_reference: self.order_reference,
            payment_link: self.payment_link,
            structured_reference: self.structured_reference,
            fixed_sum: self.fixed_sum.map(|clause| clause.0),
        };
        Ok((facts, words))
    }
}

type Debts = HashMap<Key, (Vec<InstalmentFacts>, HashMap<InvoiceId, InvoiceWords>)>;

fn debts(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId], now: DateTime<Utc>) -> Result<(Debts, HashMap<InstalmentId, Offer>)> {
    let rows: Vec<DebtRow> = instalments::table
        .inner_join(invoices::table.on(invoices::tenant_id.eq(instalments::tenant_id).and(invoices::id.eq(instalments::invoice_id))))
        .filter(instalments::tenant_id.eq(tenant).and(instalments::customer_id.eq_any(ids.to_vec())).and(instalments::balance_minor.gt(0)))
        .select((
            instalments::id,
            instalments::invoice_id,
            instalments::customer_id,
            instalments::currency,
            instalments::position,
            instalments::due_date,
            instalments::amount_minor,
            instalments::balance_minor,
            instalments::step_key,
            instalments::step_cycle,
            instalments::first_completed_at,
            instalments::last_completed_at,
            invoices::number,
            invoices::kind,
            invoices::issue_date,
            invoices::order_reference,
            invoices::payment_link,
            invoices::structured_reference,
            invoices::fixed_sum,
            (invoices::terms_id, invoices::terms_version, instalments::discount_minor, instalments::discount_until),
        ))
        .load(conn)?;
    let (mut debts, mut noted) = (Debts::new(), offers::Noted::default());
    for row in rows {
        noted.note(row.id, row.invoice_id, row.amount_minor, row.offer);
        let key = (row.customer_id, row.currency);
        let (facts, words) = row.split()?;
        let (instalments, invoices) = debts.entry(key).or_default();
        invoices.insert(facts.invoice_id, words);
        instalments.push(facts);
    }
    Ok((debts, noted.load(conn, tenant, now)?))
}

/// Money not yet allocated, by account.
fn cash(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId]) -> Result<HashMap<Key, i64>> {
    let rows: Vec<(CustomerId, Currency, i64)> = settlements::table
        .filter(
            settlements::tenant_id.eq(tenant).and(settlements::customer_id.eq_any(ids.to_vec())).and(settlements::unallocated_minor.gt(0)),
        )
        .select((settlements::customer_id, settlements::currency, settlements::unallocated_minor))
        .load(conn)?;
    let mut cash = HashMap::new();
    for (customer, currency, minor) in rows {
        let sum: &mut i64 = cash.entry((customer, currency)).or_default();
        *sum = sum.saturating_add(minor);
    }
    Ok(cash)
}

#[derive(Default)]
struct History {
    open: HashMap<Key, OpenReminder>,
    contacted: HashMap<CustomerId, Vec<Contacted>>,
    last: HashMap<Key, DateTime<Utc>>,
    written: HashMap<Key, DateTime<Utc>>,
    /// The reminders that may still be made up for.
    late: Vec<ReminderId>,
}

type ReminderRow = (ReminderId, CustomerId, Currency, Option<ContactId>, Channel, ReminderState, Ts, Option<Ts>);

/// What was sent lately, and what is still under way.
fn history(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId], now: DateTime<Utc>) -> Result<History> {
    let open: Vec<ReminderState> = ReminderState::ALL.iter().copied().filter(|state| state.is_open()).collect();
    let rows: Vec<ReminderRow> = reminders::table
        .filter(reminders::tenant_id.eq(tenant).and(reminders::customer_id.eq_any(ids.to_vec())))
        .filter(reminders::state.eq_any(open).or(reminders::completed_at.ge(Some(Ts(now - HORIZON)))))
        .select((
            reminders::id,
            reminders::customer_id,
            reminders::currency,
            reminders::contact_id,
            reminders::channel,
            reminders::state,
            reminders::decided_at,
            reminders::completed_at,
        ))
        .load(conn)?;
    // Only text messages are put off for the day's sake.
    let texts: Vec<ReminderId> =
        rows.iter().filter(|row| row.4 == Channel::Sms && row.5 == ReminderState::InFlight).map(|row| row.0).collect();
    let put_off = if texts.is_empty() { HashMap::new() } else { super::texts::put_off(conn, tenant, &texts)? };
    let mut history = History::default();
    for (id, customer, currency, contact, channel, state, decided_at, completed_at) in rows {
        if let Some(state) = state.open() {
            history.open.insert((customer, currency), OpenReminder { id, state, put_off: put_off.get(&id).copied() });
        }
        if unreached::may_be(state, channel, decided_at.0, now) {
            history.late.push(id);
        }
        let at = match (state, completed_at) {
            (ReminderState::Completed, Some(at)) => at.0,
            (ReminderState::InFlight | ReminderState::OutcomeUnknown, _) => decided_at.0,
            _ => continue,
        };
        let last = history.last.entry((customer, currency)).or_insert(at);
        *last = at.max(*last);
        if state == ReminderState::Completed && matches!(channel, Channel::Email | Channel::Sms | Channel::Letter) {
            let written = history.written.entry((customer, currency)).or_insert(at);
            *written = at.max(*written);
        }
        if let Some(contact_id) = contact {
            history.contacted.entry(customer).or_default().push(Contacted { contact_id, channel, at });
        }
    }
    Ok(history)
}

fn reviews(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId]) -> Result<HashMap<Key, Vec<ReviewReason>>> {
    let rows: Vec<(CustomerId, Option<Currency>, Option<String>)> = tasks::table
        .filter(tasks::tenant_id.eq(tenant).and(tasks::customer_id.eq_any(ids.to_vec())))
        .filter(tasks::state.eq(TaskState::Open).and(tasks::kind.eq(TaskKind::Review)))
        .select((tasks::customer_id, tasks::currency, tasks::reason))
        .load(conn)?;
    let mut reviews: HashMap<Key, Vec<ReviewReason>> = HashMap::new();
    for (customer, currency, reason) in rows {
        // Reasons that the decision does not raise itself are none of its business.
        if let (Some(currency), Some(Ok(reason))) = (currency, reason.map(|reason| reason.parse())) {
            reviews.entry((customer, currency)).or_default().push(reason);
        }
    }
    Ok(reviews)
}
