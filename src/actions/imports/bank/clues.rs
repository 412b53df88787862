//! What the lines of a slice may be recognised by, looked up for all of them at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::{
    actions::{Act, imports::Done},
    domain::{
        ids::CustomerId,
        import::{
            incoming::Incoming,
            job::ImportProblem,
            matching::quotable,
            references::{Mention, Words},
        },
        money::Currency,
    },
    error::Result,
    store::{self, direct_debits::DirectDebit, matching::OpenInvoice},
};

/// How many candidates are told of each kind.
pub(super) const MOST_TOLD: usize = 5;
/// How many names are looked up in one statement.
const AT_ONCE: usize = 20_000;

/// By what an invoice can be quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// What was to be quoted with the transfer.
    Reference,
    /// What is printed on it.
    Number,
}

/// What is known of the payers of a slice.
pub(super) struct Clues {
    invoices: Vec<OpenInvoice>,
    /// By number and by structured reference, letters and digits alone.
    named: HashMap<String, Vec<usize>>,
    debits: Vec<DirectDebit>,
    payers: HashMap<String, Vec<CustomerId>>,
    /// Whose debits are on their way.
    debited: HashSet<CustomerId>,
}

impl Clues {
    pub(super) fn load(act: &mut Act<'_>, lines: &[&Incoming]) -> Result<Self> {
        let mut invoices = BTreeMap::new();
        let mut names = BTreeSet::new();
        let mut left = lines.len();
        for line in lines {
            names.extend(quotable(&line.words));
            left = left.saturating_sub(1);
            if names.len() >= AT_ONCE || left == 0 {
                let some: Vec<String> = std::mem::take(&mut names).into_iter().collect();
                let found = store::matching::quoted(act.conn, act.tenant, &some)?;
                invoices.extend(found.into_iter().map(|invoice| (invoice.id, invoice)));
            }
        }
        let invoices: Vec<OpenInvoice> = invoices.into_values().collect();
        let mut named = HashMap::<String, Vec<usize>>::new();
        for (n, one) in invoices.iter().enumerate() {
            let names: BTreeSet<&String> = one.bare_number.iter().chain(&one.bare_reference).collect();
            names.into_iter().for_each(|name| named.entry(name.clone()).or_default().push(n));
        }
        let said = lines.iter().flat_map(|line| line.end_to_end_id.iter().chain(&line.mandate_id)).map(String::as_str);
        let debits = store::matching::announced(act.conn, act.tenant, &distinct(said))?;
        let payers = store::matching::payers(act.conn, act.tenant, &distinct(lines.iter().filter_map(|line| line.iban.as_deref())))?;
        let known = invoices.iter().map(|one| one.customer_id).chain(payers.values().flatten().copied());
        let known: Vec<CustomerId> = known.collect::<BTreeSet<_>>().into_iter().collect();
        let mut debited = store::direct_debits::announced_to(act.conn, act.tenant, &known)?;
        debited.extend(debits.iter().map(|debit| debit.customer_id));
        Ok(Self { invoices, named, debits, payers, debited })
    }

    /// The invoices that a line names, each standing alone in its words.
    pub(super) fn quoted(&self, line: &Incoming, by: By) -> Vec<&OpenInvoice> {
        if self.named.is_empty() {
            return Vec::new();
        }
        let words = Words::new(&line.words);
        let whole = |invoice: &&OpenInvoice| {
            let mention = match by {
                By::Reference => invoice.structured_reference.as_deref().and_then(|reference| words.quotes(reference)),
                By::Number => words.name(&invoice.number),
            };
            mention == Some(Mention::Whole)
        };
        let found: BTreeSet<usize> = quotable(&line.words).iter().filter_map(|name| self.named.get(name)).flatten().copied().collect();
        let found = found.into_iter().filter_map(|n| self.invoices.get(n)).filter(|invoice| invoice.currency == line.currency);
        found.filter(whole).collect()
    }

    /// The direct debit that was announced under the line's own reference, for just its amount, if there is one and no other.
    pub(super) fn debit(&self, line: &Incoming) -> Option<&DirectDebit> {
        let fits = |debit: &&DirectDebit| {
            debit.reference.is_some()
                && (debit.reference == line.end_to_end_id || debit.reference == line.mandate_id)
                && (debit.currency, debit.amount_minor) == (line.currency, line.amount)
                && line.received_on.is_some_and(|day| debit.collect_on <= day)
        };
        let mut fitting = self.debits.iter().filter(fits);
        fitting.next().filter(|_| fitting.next().is_none())
    }

    /// For whom the line's account has paid before.
    pub(super) fn payers(&self, line: &Incoming) -> &[CustomerId] {
        line.iban.as_ref().and_then(|iban| self.payers.get(iban)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a debit of this customer was on its way when the slice began.
    pub(super) fn is_debited(&self, customer: CustomerId) -> bool {
        self.debited.contains(&customer)
    }
}

fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    texts.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Tells of lines about which nothing better is known whose they might be: of invoices of just their amount, of customers of the payer's name.
pub(super) fn tell(act: &mut Act<'_>, unknown: &mut [(&Incoming, &mut Done)]) -> Result<()> {
    let amounts: BTreeSet<(Currency, i64)> = unknown.iter().map(|(line, _)| (line.currency, line.amount)).collect();
    let most = i64::try_from(MOST_TOLD).unwrap_or(i64::MAX);
    let fitting = store::matching::of_amounts(act.conn, act.tenant, &amounts.into_iter().collect::<Vec<_>>(), most)?;
    let mut of_amount = HashMap::<(Currency, i64), Vec<&OpenInvoice>>::new();
    fitting.iter().for_each(|invoice| of_amount.entry((invoice.currency, invoice.balance_minor)).or_default().push(invoice));
    let spelt: BTreeSet<String> = unknown.iter().filter_map(|(line, _)| line.payer.as_deref()).flat_map(spellings).collect();
    let mut of_name = HashMap::<String, Vec<CustomerId>>::new();
    for (customer, name) in store::matching::of_names(act.conn, act.tenant, &spelt.into_iter().collect::<Vec<_>>())? {
        of_name.entry(name.to_lowercase()).or_default().push(customer);
    }
    for (line, done) in unknown {
        for invoice in of_amount.get(&(line.currency, line.amount)).into_iter().flatten() {
            let detail = format!("the amount is just what is open of invoice {} of {}", invoice.number, invoice.customer_id);
            done.problems.push(proposal(invoice.id, detail));
        }
        let namesakes = line.payer.as_ref().and_then(|payer| of_name.get(&payer.trim().to_lowercase()));
        for customer in namesakes.into_iter().flatten().take(MOST_TOLD) {
            done.problems.push(proposal(customer, "the payer has this customer's name".to_owned()));
        }
    }
    Ok(())
}

/// A name as the databases write it in small letters: one knows all of them, the other those of ASCII alone.
fn spellings(name: &str) -> [String; 2] {
    [name.trim().to_lowercase(), name.trim().to_ascii_lowercase()]
}

/// Whose the money might be, or for what.
pub(super) fn proposal(of: impl std::fmt::Display, detail: String) -> ImportProblem {
    ImportProblem { place: "/proposals".to_owned(), value: Some(of.to_string()), detail }
}
