//! A bank's lines recorded: money whose payer is certain becomes a payment, and settles what the payer said; what went back opens it again. The rest is told.
//!
//! Certain is who quotes an invoice, by its structured reference or its number, alone among customers. What such a payment settles, the proposals say: the certain one is
//! applied, others wait for a person. Who is not certain is not recorded: the row says whose it might be. Invariant: a name of the bank is recorded once.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Done;
use crate::{
    actions::{
        Act,
        put::{Outcome, one_by_one},
    },
    domain::{
        external::Pairs,
        ids::{CustomerId, InvoiceId},
        import::{
            incoming::{Incoming, Meaning},
            job::{ImportProblem, RowOutcome},
            references::{Mention, Words},
        },
        ledger::{
            direct_debit::{DebitSettlement, DebitState},
            proposal::{self, Certainty},
            settlement::{Allocate, NewAllocations, NewSettlement, PaymentMethod, PaymentStatus, Return, SettlementKind},
        },
        money::Currency,
    },
    error::{Error, Result},
    store::{self, Json, Ts, invoices::OpenInvoice, settlements::Settlement},
};

/// How many candidates are told.
const MOST_TOLD: usize = 5;
/// The longest number or reference, and how many words it may be written in.
const LONGEST: usize = 40;
const MOST_WORDS: usize = 10;

pub(super) fn record(act: &mut Act<'_>, all: &[Incoming], source: &str) -> Result<Vec<Done>> {
    let names: Vec<String> = all.iter().filter(|one| one.meaning == Meaning::Paid).map(|one| one.name.clone()).collect();
    let known = store::settlements::known(act.conn, act.tenant, source, &names)?;
    let open = Open::load(act, all, &known)?;
    let outcomes = one_by_one(all, |one| match &one.meaning {
        Meaning::Nothing(why) => Ok(Done::skipped(0, &one.name, *why)),
        Meaning::Returned(reason) => returned(act, one, reason.as_deref(), source),
        Meaning::Paid => match known.get(&one.name) {
            Some(id) => {
                let mut done = Done::new(0, &one.name, RowOutcome::Unchanged);
                done.and("", Ok((Outcome::Unchanged, id)));
                Ok(done)
            }
            None => paid(act, one, &open, source),
        },
    })?;
    Ok(all.iter().zip(outcomes).map(|(one, outcome)| outcome.unwrap_or_else(|error| Done::refused(0, &one.name, error))).collect())
}

/// What customers have left to pay, by how a payer may name it.
struct Open {
    invoices: Vec<OpenInvoice>,
    /// By number and by structured reference, letters and digits alone.
    named: HashMap<String, Vec<usize>>,
    of_amount: HashMap<(Currency, i64), Vec<usize>>,
}

impl Open {
    fn load(act: &mut Act<'_>, all: &[Incoming], known: &HashMap<String, String>) -> Result<Self> {
        let new = all.iter().filter(|one| one.meaning == Meaning::Paid && !known.contains_key(&one.name));
        let currencies: HashSet<Currency> = new.map(|one| one.currency).collect();
        let invoices = store::invoices::open_in(act.conn, act.tenant, &currencies.into_iter().collect::<Vec<_>>())?;
        let (mut named, mut of_amount) = (HashMap::<String, Vec<usize>>::new(), HashMap::<_, Vec<usize>>::new());
        for (n, one) in invoices.iter().enumerate() {
            for name in [Some(&one.number), one.structured_reference.as_ref()].into_iter().flatten().map(|name| bare(name)) {
                // One digit or two are in every text.
                if name.chars().filter(char::is_ascii_digit).count() >= 3 && name.len() <= LONGEST {
                    named.entry(name).or_default().push(n);
                }
            }
            of_amount.entry((one.currency, one.balance_minor)).or_default().push(n);
        }
        Ok(Self { invoices, named, of_amount })
    }

    /// The invoices that these words name, each standing alone in them.
    fn quoted(&self, one: &Incoming) -> Vec<&OpenInvoice> {
        let text = one.words.as_str();
        let parts: Vec<String> = text.split(|one: char| !one.is_alphanumeric()).filter(|part| !part.is_empty()).map(bare).collect();
        let words = Words::new(text);
        let mut found = BTreeSet::new();
        for start in 0..parts.len() {
            let mut name = String::new();
            for part in parts.iter().skip(start).take(MOST_WORDS) {
                name.push_str(part);
                if name.len() > LONGEST {
                    break;
                }
                found.extend(self.named.get(&name).into_iter().flatten().copied());
            }
        }
        let quoted = found.into_iter().filter_map(|n| self.invoices.get(n)).filter(|invoice| invoice.currency == one.currency);
        let whole = |invoice: &&OpenInvoice| {
            let reference = invoice.structured_reference.as_deref().and_then(|reference| words.quotes(reference));
            reference == Some(Mention::Whole) || words.name(&invoice.number) == Some(Mention::Whole)
        };
        quoted.filter(whole).collect()
    }

    /// Whose it might be: of invoices of just this amount.
    fn candidates(&self, one: &Incoming) -> Vec<&OpenInvoice> {
        let fitting = self.of_amount.get(&(one.currency, one.amount)).into_iter().flatten();
        fitting.filter_map(|n| self.invoices.get(*n)).take(MOST_TOLD).collect()
    }
}

fn bare(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_uppercase()).collect()
}

fn paid(act: &mut Act<'_>, one: &Incoming, open: &Open, source: &str) -> Result<Done> {
    let quoted = open.quoted(one);
    let customers: BTreeSet<CustomerId> = quoted.iter().map(|invoice| invoice.customer_id).collect();
    let (Some(customer), 1) = (customers.first().copied(), customers.len()) else { return Ok(unmatched(one, &quoted, open)) };
    let Some(received_on) = one.received_on else { return Ok(Done::skipped(0, &one.name, "the file gives no day for it")) };
    store::accounts::lock(act.conn, act.tenant, &[(customer, one.currency)].into())?;
    let parts = store::instalments::open_of(act.conn, act.tenant, customer, one.currency, Some(received_on))?;
    let ids: Vec<InvoiceId> = parts.iter().map(|part| part.invoice_id).collect::<BTreeSet<_>>().into_iter().collect();
    let invoices = store::invoices::named(act.conn, act.tenant, &ids)?;
    let best = proposal::proposals(one.amount, Some(&one.words), &invoices, &parts).into_iter().next();
    let mut done = Done::new(0, &one.name, RowOutcome::Unchanged);
    let allocations = match best {
        Some(best) if best.certainty == Certainty::Certain => NewAllocations { allocations: Some(best.allocations), allocate: None },
        best => {
            let why = best.map_or_else(|| "nothing is open any more".to_owned(), |best| best.why);
            let detail = format!("not allocated: {why} Choose among the payment's allocation proposals.");
            done.problems.push(ImportProblem { place: "/allocations".to_owned(), value: None, detail });
            NewAllocations { allocations: None, allocate: Some(Allocate::None) }
        }
    };
    let pairs = [("end_to_end_id", &one.end_to_end_id), ("payer", &one.payer), ("iban", &one.iban)];
    let metadata =
        pairs.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_ref()?.chars().take(500).collect()))).collect();
    let new = NewSettlement {
        kind: SettlementKind::Payment,
        customer_id: Some(customer),
        customer: None,
        source: Some(source.to_owned()),
        external_id: Some(one.name.clone()),
        number: None,
        currency: one.currency,
        amount: one.amount,
        settled_on: received_on,
        method: Some(if one.collected { PaymentMethod::DirectDebit } else { PaymentMethod::Transfer }),
        reference: one.reference(),
        reason: None,
        metadata: Pairs(metadata),
        allocations,
    };
    let put = crate::actions::settlements::record(act, &new)?;
    done.outcome = put.outcome.into();
    done.and("", Ok((put.outcome, put.row.public_id())));
    collected(act, &put.row)?;
    Ok(done)
}

/// A debit that was announced for just this amount is what brought it.
fn collected(act: &mut Act<'_>, payment: &Settlement) -> Result<()> {
    let filter = store::direct_debits::Filter { customer_id: Some(payment.customer_id), state: Some(DebitState::Announced) };
    let announced = store::direct_debits::list(act.conn, act.tenant, &filter, None, 100)?;
    let fits = |debit: &&store::direct_debits::DirectDebit| {
        (debit.currency, debit.amount_minor) == (payment.currency, payment.amount_minor) && debit.collect_on <= payment.settled_on
    };
    let Some(debit) = announced.iter().find(fits).map(|debit| debit.id) else { return Ok(()) };
    let by = DebitSettlement { payment_id: Some(crate::domain::ids::PaymentId::from_uuid(payment.id.uuid())), ..Default::default() };
    crate::actions::direct_debits::settle(act, debit, &by).map(drop)
}

/// Money of somebody: whose it might be stands in the row.
fn unmatched(one: &Incoming, quoted: &[&OpenInvoice], open: &Open) -> Done {
    let mut done = Done::new(0, &one.name, RowOutcome::Unmatched);
    let who = [one.payer.as_deref(), one.iban.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let words: String = one.words.chars().take(300).collect();
    let amount = format!("{} {} on {}", one.currency, one.amount, one.received_on.map(|day| day.to_string()).unwrap_or_default());
    let mut detail = format!("{amount} (in minor units) from {}", if who.is_empty() { "nobody named" } else { &who });
    if !words.is_empty() {
        detail.push_str(&format!(": {words}"));
    }
    done.problems.push(ImportProblem::row(detail));
    for invoice in quoted.iter().take(MOST_TOLD) {
        let detail = format!("quoted, but so are other customers' invoices: {} of {}", invoice.number, invoice.customer_id);
        done.problems.push(ImportProblem { place: "/proposals".to_owned(), value: Some(invoice.id.to_string()), detail });
    }
    for invoice in open.candidates(one).into_iter().filter(|_| quoted.is_empty()) {
        let detail = format!("the amount is just what is open of invoice {} of {}", invoice.number, invoice.customer_id);
        done.problems.push(ImportProblem { place: "/proposals".to_owned(), value: Some(invoice.id.to_string()), detail });
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
