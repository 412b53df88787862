//! A bank's lines recorded: money whose payer is certain becomes a payment, and settles what the payer said; what went back opens it again. The rest is told.
//!
//! Certain is, in this order: who gives the structured reference of an invoice; whose direct debit it is, by its own reference and amount; who quotes an invoice's number; whose account it comes from, if
//! that has paid for no other customer and the amount is just what is open of one invoice or of all. Each alone among customers. What such a payment settles, the proposals say: the certain one is
//! applied, others wait for a person. Who is not certain is not recorded: the row says whose it might be. Invariant: a name of the bank is recorded once.

mod clues;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use self::clues::{By, Clues, MOST_TOLD, proposal, tell};
use super::Done;
use crate::{
    actions::{
        Act,
        put::{Outcome, one_by_one},
    },
    domain::{
        external::Pairs,
        ids::{CustomerId, InvoiceId, PaymentId},
        import::{
            incoming::{Incoming, Meaning},
            job::{ImportProblem, RowOutcome},
            matching::only_sum,
            references::{Mention, Words},
        },
        ledger::{
            allocation::Open,
            direct_debit::{DebitSettlement, DebitState},
            proposal::{self, Certainty, Named, Proposal, ProposalBasis},
            settlement::{Allocate, NewAllocations, NewSettlement, PaymentMethod, PaymentStatus, Return, SettlementKind, Wanted},
        },
    },
    error::{Error, Result},
    store::{self, Json, Ts, direct_debits::DirectDebit, matching::OpenInvoice, settlements::Settlement},
};

pub(super) fn record(act: &mut Act<'_>, all: &[Incoming], source: &str) -> Result<Vec<Done>> {
    let names: Vec<String> = all.iter().filter(|one| one.meaning == Meaning::Paid).map(|one| one.name.clone()).collect();
    let known = store::settlements::known(act.conn, act.tenant, source, &names)?;
    let new: Vec<&Incoming> = all.iter().filter(|one| one.meaning == Meaning::Paid && !known.contains_key(&one.name)).collect();
    let clues = Clues::load(act, &new)?;
    let mut payers = Payers::default();
    let outcomes = one_by_one(all, |one| match &one.meaning {
        Meaning::Nothing(why) => Ok(Done::skipped(0, &one.name, *why)),
        Meaning::Returned(reason) => returned(act, one, reason.as_deref(), source),
        Meaning::Paid => match known.get(&one.name) {
            Some((id, customer)) => {
                payers.note(one, *customer);
                let mut done = Done::new(0, &one.name, RowOutcome::Unchanged);
                done.and("", Ok((Outcome::Unchanged, id)));
                Ok(done)
            }
            None => paid(act, one, &clues, source, &mut payers),
        },
    })?;
    store::matching::remember(act.conn, act.tenant, &payers.0)?;
    let outcomes = all.iter().zip(outcomes).map(|(one, outcome)| outcome.unwrap_or_else(|error| Done::refused(0, &one.name, error)));
    let mut outcomes: Vec<Done> = outcomes.collect();
    let unknown = all.iter().zip(&mut outcomes).filter(|(_, done)| done.outcome == RowOutcome::Unmatched && done.problems.len() == 1);
    tell(act, &mut unknown.collect::<Vec<_>>())?;
    Ok(outcomes)
}

/// For whom which accounts paid, and when last.
#[derive(Default)]
struct Payers(BTreeMap<(String, CustomerId), NaiveDate>);

impl Payers {
    fn note(&mut self, one: &Incoming, customer: CustomerId) {
        if let (Some(iban), Some(day)) = (&one.iban, one.received_on) {
            let last = self.0.entry((iban.clone(), customer)).or_insert(day);
            *last = day.max(*last);
        }
    }
}

/// What one customer has left to pay, read under the lock of his account.
struct Account {
    customer: CustomerId,
    received_on: NaiveDate,
    parts: Vec<Open>,
    invoices: Vec<Named>,
}

impl Account {
    fn load(act: &mut Act<'_>, customer: CustomerId, one: &Incoming, received_on: NaiveDate) -> Result<Self> {
        store::accounts::lock(act.conn, act.tenant, &[(customer, one.currency)].into())?;
        let parts = store::instalments::open_of(act.conn, act.tenant, customer, one.currency, Some(received_on))?;
        let ids: Vec<InvoiceId> = parts.iter().map(|part| part.invoice_id).collect::<BTreeSet<_>>().into_iter().collect();
        let invoices = store::invoices::named(act.conn, act.tenant, &ids)?;
        Ok(Self { customer, received_on, parts, invoices })
    }

    fn proposals(&self, one: &Incoming) -> Vec<Proposal> {
        proposal::proposals(one.amount, Some(&one.words), &self.invoices, &self.parts)
    }

    /// The invoices that come to just the amount together, if no others do.
    fn sum(&self, amount: i64) -> Vec<&Named> {
        let mut balances = BTreeMap::<InvoiceId, i64>::new();
        for part in &self.parts {
            let balance = balances.entry(part.invoice_id).or_default();
            *balance = balance.saturating_add(part.balance_minor);
        }
        let (ids, balances): (Vec<InvoiceId>, Vec<i64>) = balances.into_iter().unzip();
        let places = only_sum(amount, &balances).unwrap_or_default();
        let ids: BTreeSet<&InvoiceId> = places.iter().filter_map(|place| ids.get(*place)).collect();
        self.invoices.iter().filter(|named| ids.contains(&named.invoice_id)).collect()
    }
}

/// Who may have paid, and how that is known.
enum Payer<'a> {
    /// He says for what.
    Quotes(CustomerId),
    /// It is what was to be collected.
    Debited(&'a DirectDebit),
    /// It comes from his account.
    Remembered(CustomerId),
    /// Several are named, or nobody.
    Unknown(Vec<&'a OpenInvoice>),
}

fn payer<'a>(one: &Incoming, clues: &'a Clues) -> Payer<'a> {
    let owners = |quoted: &[&OpenInvoice]| quoted.iter().map(|invoice| invoice.customer_id).collect::<BTreeSet<_>>();
    let by_reference = clues.quoted(one, By::Reference);
    match Vec::from_iter(owners(&by_reference)).as_slice() {
        [only] => return Payer::Quotes(*only),
        [] => {}
        _ => return Payer::Unknown(by_reference),
    }
    if let Some(debit) = clues.debit(one) {
        return Payer::Debited(debit);
    }
    let by_number = clues.quoted(one, By::Number);
    match (Vec::from_iter(owners(&by_number)).as_slice(), clues.payers(one)) {
        ([only], _) => Payer::Quotes(*only),
        ([], [only]) => Payer::Remembered(*only),
        _ => Payer::Unknown(by_number),
    }
}

fn paid(act: &mut Act<'_>, one: &Incoming, clues: &Clues, source: &str, payers: &mut Payers) -> Result<Done> {
    let Some(received_on) = one.received_on else { return Ok(Done::skipped(0, &one.name, "the file gives no day for it")) };
    let payer = payer(one, clues);
    let customer = match &payer {
        Payer::Quotes(customer) | Payer::Remembered(customer) => *customer,
        Payer::Debited(debit) => debit.customer_id,
        Payer::Unknown(quoted) => return Ok(unmatched(one, quoted, clues.payers(one))),
    };
    let account = Account::load(act, customer, one, received_on)?;
    let mut found = account.proposals(one).into_iter();
    let settles = match &payer {
        Payer::Debited(debit) => Some(collecting(debit, &account.parts)).filter(|wanted| !wanted.is_empty()).ok_or(None),
        Payer::Remembered(_) => match found.find(|one| (one.basis, one.certainty) == (ProposalBasis::ExactAmount, Certainty::Likely)) {
            Some(exact) => Ok(exact.allocations),
            None => return Ok(unplaced(one, &account)),
        },
        Payer::Quotes(_) | Payer::Unknown(_) => match found.next() {
            Some(best) if best.certainty == Certainty::Certain => Ok(best.allocations),
            best => Err(best.map(|best| best.why)),
        },
    };
    let done = settled(act, one, &account, settles, source, clues)?;
    payers.note(one, customer);
    Ok(done)
}

/// What a debit was to collect, as far as it is open.
fn collecting(debit: &DirectDebit, open: &[Open]) -> Vec<Wanted> {
    let balances: HashMap<_, i64> = open.iter().map(|part| (part.instalment_id, part.balance_minor)).collect();
    let left = debit.collected.iter().filter_map(|part| Some((part, part.amount.min(*balances.get(&part.instalment_id)?))));
    left.map(|(part, amount)| Wanted { invoice_id: None, instalment_id: Some(part.instalment_id), charge_id: None, amount }).collect()
}

/// Records the payment; where it is not certain what it settles, that waits, with the reason in the row.
fn settled(
    act: &mut Act<'_>,
    one: &Incoming,
    account: &Account,
    settles: std::result::Result<Vec<Wanted>, Option<String>>,
    source: &str,
    clues: &Clues,
) -> Result<Done> {
    let mut done = Done::new(0, &one.name, RowOutcome::Unchanged);
    let allocations = match settles {
        Ok(wanted) => NewAllocations { allocations: Some(wanted), allocate: None },
        Err(why) => {
            let why = why.unwrap_or_else(|| "nothing is open any more.".to_owned());
            let detail = format!("not allocated: {why} Choose among the payment's allocation proposals.");
            done.problems.push(ImportProblem { place: "/allocations".to_owned(), value: None, detail });
            NewAllocations { allocations: None, allocate: Some(Allocate::None) }
        }
    };
    let put = crate::actions::settlements::record(act, &payment(one, account, source, allocations))?;
    done.outcome = put.outcome.into();
    done.and("", Ok((put.outcome, put.row.public_id())));
    if clues.is_debited(account.customer) {
        collected(act, &put.row)?;
    }
    Ok(done)
}

fn payment(one: &Incoming, account: &Account, source: &str, allocations: NewAllocations) -> NewSettlement {
    let pairs = [("end_to_end_id", &one.end_to_end_id), ("payer", &one.payer), ("iban", &one.iban)];
    let metadata =
        pairs.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_ref()?.chars().take(500).collect()))).collect();
    NewSettlement {
        kind: SettlementKind::Payment,
        customer_id: Some(account.customer),
        customer: None,
        source: Some(source.to_owned()),
        external_id: Some(one.name.clone()),
        number: None,
        currency: one.currency,
        amount: one.amount,
        settled_on: account.received_on,
        method: Some(if one.mandate_id.is_some() { PaymentMethod::DirectDebit } else { PaymentMethod::Transfer }),
        reference: one.reference(),
        reason: None,
        metadata: Pairs(metadata),
        allocations,
    }
}

/// A debit that was announced for just this amount is what brought it.
fn collected(act: &mut Act<'_>, payment: &Settlement) -> Result<()> {
    let filter = store::direct_debits::Filter { customer_id: Some(payment.customer_id), state: Some(DebitState::Announced), sort: None };
    let announced = store::direct_debits::list(act.conn, act.tenant, &filter, None, 100)?;
    let fits = |debit: &&DirectDebit| {
        (debit.currency, debit.amount_minor) == (payment.currency, payment.amount_minor) && debit.collect_on <= payment.settled_on
    };
    let Some(debit) = announced.iter().find(fits).map(|debit| debit.id) else { return Ok(()) };
    let by = DebitSettlement { payment_id: Some(PaymentId::from_uuid(payment.id.uuid())), ..Default::default() };
    crate::actions::direct_debits::settle(act, debit, &by).map(drop)
}

/// Money of somebody.
fn nobodys(one: &Incoming) -> Done {
    let mut done = Done::new(0, &one.name, RowOutcome::Unmatched);
    let who = [one.payer.as_deref(), one.iban.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let words: String = one.words.chars().take(300).collect();
    let amount = format!("{} {} on {}", one.currency, one.amount, one.received_on.map(|day| day.to_string()).unwrap_or_default());
    let mut detail = format!("{amount} (in minor units) from {}", if who.is_empty() { "nobody named" } else { &who });
    if !words.is_empty() {
        detail.push_str(&format!(": {words}"));
    }
    done.problems.push(ImportProblem::row(detail));
    done
}

/// Several may have paid: each stands in the row.
fn unmatched(one: &Incoming, quoted: &[&OpenInvoice], payers: &[CustomerId]) -> Done {
    let mut done = nobodys(one);
    for invoice in quoted.iter().take(MOST_TOLD) {
        let detail = format!("quoted, but so are other customers' invoices: {} of {}", invoice.number, invoice.customer_id);
        done.problems.push(proposal(invoice.id, detail));
    }
    for customer in payers.iter().take(MOST_TOLD) {
        done.problems.push(proposal(customer, "the account has paid for this customer, and for others".to_owned()));
    }
    done
}

/// It comes from a customer's account, and not to the amount of one invoice: what it may be for stands in the row.
fn unplaced(one: &Incoming, account: &Account) -> Done {
    let mut done = nobodys(one);
    let sum = account.sum(one.amount);
    for named in &sum {
        let detail = format!(
            "the account has paid for {}, and the amount is just that of {} invoices, this one among them: {}",
            account.customer,
            sum.len(),
            named.number
        );
        done.problems.push(proposal(named.invoice_id, detail));
    }
    if sum.is_empty() {
        let detail = "the account has paid for this customer, of whom no one invoice is open with just this amount".to_owned();
        done.problems.push(proposal(account.customer, detail));
    }
    done
}

/// The bank took money back: of the payment that it was, if exactly one can be meant.
fn returned(act: &mut Act<'_>, one: &Incoming, reason: Option<&str>, source: &str) -> Result<Done> {
    const RETURNED_BY: &str = "returned_by";
    let paid = store::settlements::payments_of(act.conn, act.tenant, source, one.currency, one.amount)?;
    let mut done = Done::new(0, &one.name, RowOutcome::Unchanged);
    if let Some(row) = paid.iter().find(|row| row.metadata.0.0.get(RETURNED_BY) == Some(&one.name)) {
        done.and("", Ok((Outcome::Unchanged, row.public_id())));
        return Ok(done);
    }
    let said = |row: &Settlement, name: &str| row.metadata.0.0.get(name).cloned();
    let ids = |row: &Settlement| one.end_to_end_id.is_some() && said(row, "end_to_end_id") == one.end_to_end_id;
    let words = |row: &Settlement| {
        let written = Words::new(row.reference.as_deref().unwrap_or_default());
        one.references.iter().any(|reference| written.quotes(reference) == Some(Mention::Whole))
    };
    let accounts = |row: &Settlement| one.iban.is_some() && said(row, "iban") == one.iban;
    let still: Vec<&Settlement> = paid.iter().filter(|row| row.status() == PaymentStatus::Received).collect();
    let tests: [&dyn Fn(&Settlement) -> bool; 3] = [&ids, &words, &accounts];
    let meant = tests.iter().find_map(|test| {
        let fitting: Vec<&Settlement> = still.iter().copied().filter(|row| test(row)).collect();
        if let [only] = fitting.as_slice() { Some(*only) } else { None }
    });
    let Some(payment) = meant else {
        return Ok(Done::skipped(
            0,
            &one.name,
            "money that went back, of no payment that can be told: if one was returned, return it by hand",
        ));
    };
    let why = Return { reason: reason.map(|text| text.chars().take(200).collect()) };
    let row = crate::actions::settlements::give_back(act, payment.id, &why)?;
    let mut metadata: Json<Pairs> = row.metadata.clone();
    metadata.0.0.insert(RETURNED_BY.to_owned(), one.name.clone());
    store::settlements::set_returned(act.conn, act.tenant, row.id, &metadata, Ts(act.wall))?;
    done.outcome = RowOutcome::Changed;
    done.and::<String>("", Ok::<_, Error>((Outcome::Changed, row.public_id())));
    Ok(done)
}
