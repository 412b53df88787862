//! A document as its source has it now, made true of the ledger: its customer, itself, what was paid of it, all in one transaction.
//!
//! What is left decides. Where the source says that less is left than the ledger has open, the difference is recorded on its word: as a payment as far as its source says it was
//! paid in money, else as a credit note. So money that is known by another way, from a bank's file, is never counted twice; and nothing is recorded of what our own ledger has settled
//! beyond it. Where more is left than the ledger has open, what was recorded on the source's word is taken back, latest first, and nothing else is.
//! Invariant: the same snapshot again changes nothing, and one older than the last changes nothing at all.

mod credit_note;
mod customer;
mod settle;

use chrono::NaiveDate;
use serde_json::json;

use super::{
    Act, direct_debits, holds, invoices,
    put::{IfKnown, Outcome, only},
};
use crate::{
    domain::{
        external::ExternalKey,
        ids::{CustomerId, DirectDebitId, HoldId, InvoiceId, PaymentId},
        ledger::{
            InvoiceKind,
            direct_debit::{DebitSettlement, DebitState, NewDirectDebit},
            hold::NewHold,
            invoice::{InvoiceChange, InvoiceStatus, NewInstalment, NewInvoice},
            settlement::{PaymentStatus, SettlementId, SettlementKind, Wanted},
        },
        push::{SourceInvoice, SourceKind, SourceStatus},
    },
    error::{Error, Result},
    store::{self, Ts, invoices::Invoice, settlements::Settlement, source_documents::SourceDocument},
};

/// Why a hold stands on what its source has written off.
const WRITTEN_OFF: &str = "written off by the system that it comes from";

/// What became of a document.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// Of all of it: `Unchanged` where no part changed.
    pub outcome: Outcome,
    /// Whether it was older than what was applied before, and changed nothing for that.
    pub outdated: bool,
    /// Its customer; none where nothing was recorded of him.
    pub customer: Option<(Outcome, CustomerId)>,
    /// The invoice as it is now; none of one that was void before it was known.
    pub invoice: Option<(Outcome, Invoice)>,
    /// The credit note; none where nothing of it is left to record.
    pub credit_note: Option<(Outcome, SettlementId)>,
    /// Settlements recorded on its word now.
    pub recorded: Vec<(SettlementKind, SettlementId)>,
    /// Settlements recorded on its word before, and taken back now.
    pub taken_back: Vec<(SettlementKind, SettlementId)>,
    /// The direct debit under way for it.
    pub direct_debit: Option<DirectDebitId>,
    /// The hold on it, because its source has written it off.
    pub hold: Option<HoldId>,
}

impl Pushed {
    fn nothing(outdated: bool) -> Self {
        Self {
            outcome: Outcome::Unchanged,
            outdated,
            customer: None,
            invoice: None,
            credit_note: None,
            recorded: Vec::new(),
            taken_back: Vec::new(),
            direct_debit: None,
            hold: None,
        }
    }

    /// The outcome of the whole, from those of its parts; `marked`: a direct debit or a hold came or went.
    fn counted(mut self, marked: bool) -> Self {
        let own = self.invoice.as_ref().map(|(outcome, _)| *outcome).or(self.credit_note.map(|(outcome, _)| outcome));
        let moved = marked || !self.recorded.is_empty() || !self.taken_back.is_empty();
        let customer = self.customer.is_some_and(|(outcome, _)| outcome != Outcome::Unchanged);
        self.outcome = match own {
            Some(Outcome::Created) => Outcome::Created,
            Some(Outcome::Changed) => Outcome::Changed,
            _ if moved || customer => Outcome::Changed,
            _ => Outcome::Unchanged,
        };
        self
    }
}

/// Makes a document true of the ledger.
///
/// # Errors
/// Every broken rule of the input; `has_allocations` for a void invoice that something settles which its source did not tell; `amount_settled` likewise for another total;
/// `invoice_cancelled` for one that is cancelled here and lives there.
pub fn apply(act: &mut Act<'_>, key: &ExternalKey, document: &SourceInvoice) -> Result<Pushed> {
    document.check().or(())?;
    let known = store::source_documents::find(act.conn, act.tenant, document.kind, key)?;
    if known.as_ref().is_some_and(|known| is_older(known, document)) {
        return Ok(Pushed::nothing(true));
    }
    let customer = match customer::record(act, &key.source, document)? {
        Some(customer) => customer,
        // Withdrawn before anything was known of it.
        None => {
            remember(act, &fresh(act, key, document), document)?;
            return Ok(Pushed::nothing(false));
        }
    };
    store::accounts::hold(act.conn, act.tenant, customer.1, document.currency)?;
    // Read again under the lock: another push of it may have come first.
    let known = store::source_documents::find(act.conn, act.tenant, document.kind, key)?;
    if known.as_ref().is_some_and(|known| is_older(known, document)) {
        return Ok(Pushed::nothing(true));
    }
    let mut memory = known.unwrap_or_else(|| fresh(act, key, document));
    let mut pushed = Pushed { customer: Some(customer), ..Pushed::nothing(false) };
    let before = (memory.direct_debit_id, memory.hold_id);
    match document.kind {
        SourceKind::Invoice => invoice(act, key, document, &mut memory, &mut pushed)?,
        SourceKind::CreditNote => credit_note::record(act, key, document, customer.1, &mut memory, &mut pushed)?,
    }
    remember(act, &memory, document)?;
    Ok(pushed.counted(before != (memory.direct_debit_id, memory.hold_id)))
}

/// What was deleted at its source: void, if it is known.
///
/// # Errors
/// As [`apply`].
pub fn withdraw(act: &mut Act<'_>, kind: SourceKind, key: &ExternalKey) -> Result<Pushed> {
    let Some(mut memory) = store::source_documents::find(act.conn, act.tenant, kind, key)? else { return Ok(Pushed::nothing(false)) };
    let mut pushed = Pushed::nothing(false);
    match kind {
        SourceKind::Invoice => void(act, key, &mut memory, &mut pushed)?,
        SourceKind::CreditNote => credit_note::withdraw(act, key, &memory, &mut pushed)?,
    }
    memory.left_minor = 0;
    store::source_documents::write(act.conn, &SourceDocument { updated_at: Ts(act.wall), ..memory })?;
    Ok(pushed.counted(false))
}

/// Whether a snapshot is older than what was applied. Of two of one moment, that of which less is left is the later: sources count in seconds, and what is paid stays so as a rule.
fn is_older(known: &SourceDocument, document: &SourceInvoice) -> bool {
    match (known.source_updated_at, document.updated_at) {
        (Some(known_at), Some(at)) => at < known_at.0 || (at == known_at.0 && document.left() > known.left_minor),
        _ => false,
    }
}

fn fresh(act: &Act<'_>, key: &ExternalKey, document: &SourceInvoice) -> SourceDocument {
    SourceDocument {
        tenant_id: act.tenant,
        source: key.source.clone(),
        kind: document.kind,
        external_id: key.external_id.clone(),
        left_minor: document.left(),
        stand_ins: 0,
        source_updated_at: None,
        direct_debit_id: None,
        hold_id: None,
        updated_at: Ts(act.wall),
    }
}

fn remember(act: &mut Act<'_>, memory: &SourceDocument, document: &SourceInvoice) -> Result<()> {
    // One that gives no moment forgets none: what came with one is still older than what comes with a later one.
    let source_updated_at = document.updated_at.map(Ts).or(memory.source_updated_at);
    let row = SourceDocument { left_minor: document.left(), source_updated_at, updated_at: Ts(act.wall), ..memory.clone() };
    store::source_documents::write(act.conn, &row)
}

fn invoice(act: &mut Act<'_>, key: &ExternalKey, document: &SourceInvoice, memory: &mut SourceDocument, pushed: &mut Pushed) -> Result<()> {
    if document.status == SourceStatus::Void {
        return void(act, key, memory, pushed);
    }
    let known = store::invoices::find_by_keys(act.conn, act.tenant, std::slice::from_ref(key))?.remove(key);
    let mut new = as_new(key, document);
    let moved = match known {
        Some(old) => fit(act, &old, document, memory, &mut new)?,
        None => false,
    };
    let put = only(invoices::put(act, &[new], IfKnown::Update)?)?;
    let outcome = if moved && put.outcome == Outcome::Unchanged { Outcome::Changed } else { put.outcome };
    let id = put.row.id;
    settle::to(act, key, document, &put.row, memory, pushed)?;
    let row = store::invoices::find(act.conn, act.tenant, id)?;
    collect(act, document, &row, memory, pushed)?;
    written_off(act, document, &row, memory)?;
    (pushed.direct_debit, pushed.hold) = (memory.direct_debit_id, memory.hold_id);
    pushed.invoice = Some((outcome, row));
    Ok(())
}

fn as_new(key: &ExternalKey, document: &SourceInvoice) -> NewInvoice {
    NewInvoice {
        customer_id: None,
        customer: Some(ExternalKey { source: key.source.clone(), external_id: document.customer.external_id.clone() }),
        source: Some(key.source.clone()),
        external_id: Some(key.external_id.clone()),
        number: document.number.clone(),
        kind: InvoiceKind::Invoice,
        issue_date: document.issue_date,
        currency: document.currency,
        total: document.total,
        net: None,
        tax: None,
        due_date: document.due_date,
        dated_by_terms: false,
        terms_id: None,
        order_date: None,
        delivery_date: None,
        instalments: Vec::new(),
        order_reference: document.order_reference.clone(),
        credit_decision_id: None,
        delivery_reference: None,
        structured_reference: document.structured_reference.clone(),
        payment_link: document.payment_link.clone(),
        late_interest: None,
        fixed_sum: None,
        metadata: document.metadata.clone(),
        documents: Vec::new(),
    }
}

/// Makes room for another total, and moves the due date of what is partly settled: amounts and dates of an invoice stay while something settles it. Says
/// whether a date was moved.
fn fit(act: &mut Act<'_>, old: &Invoice, document: &SourceInvoice, memory: &SourceDocument, new: &mut NewInvoice) -> Result<bool> {
    if old.status == InvoiceStatus::Cancelled || !store::allocations::any_of_invoice(act.conn, act.tenant, old.id)? {
        return Ok(false);
    }
    if old.total_minor != document.total {
        return settle::lay_aside(act, memory).map(|()| false);
    }
    let parts = store::instalments::of_invoices(act.conn, act.tenant, &[old.id])?;
    let live: Vec<_> = parts.iter().filter(|part| part.amount_minor > 0).collect();
    let mut moved = false;
    if let ([only], Some(due_date)) = (live.as_slice(), document.due_date)
        && only.balance_minor > 0
        && only.due_date != due_date
    {
        moved = true;
        invoices::change(act, old.id, &InvoiceChange { due_date: Some(due_date), ..InvoiceChange::default() })?;
    }
    let parts = store::instalments::of_invoices(act.conn, act.tenant, &[old.id])?;
    let kept = parts.iter().filter(|part| part.amount_minor > 0);
    new.instalments = kept.map(|part| NewInstalment { due_date: part.due_date, amount: part.amount_minor }).collect();
    new.due_date = None;
    Ok(moved)
}

/// Withdraws an invoice, with what was recorded on its source's word.
fn void(act: &mut Act<'_>, key: &ExternalKey, memory: &mut SourceDocument, pushed: &mut Pushed) -> Result<()> {
    let Some(old) = store::invoices::find_by_keys(act.conn, act.tenant, std::slice::from_ref(key))?.remove(key) else { return Ok(()) };
    if old.status != InvoiceStatus::Cancelled {
        settle::take_back(act, memory, pushed, |_| true)?;
        call_off(act, memory, "the invoice was withdrawn by the system that it comes from")?;
        lift(act, memory)?;
    }
    let outcome = if old.status == InvoiceStatus::Cancelled { Outcome::Unchanged } else { Outcome::Changed };
    pushed.invoice = Some((outcome, invoices::cancel(act, old.id)?));
    Ok(())
}

/// Announces, moves or ends the direct debit for what is left.
fn collect(act: &mut Act<'_>, document: &SourceInvoice, row: &Invoice, memory: &mut SourceDocument, pushed: &Pushed) -> Result<()> {
    let wanted = document.collect_on.filter(|_| document.status == SourceStatus::Open && row.balance_minor > 0);
    let running = match memory.direct_debit_id {
        Some(id) => Some(store::direct_debits::find(act.conn, act.tenant, id)?).filter(|debit| debit.state == DebitState::Announced),
        None => None,
    };
    if let Some(debit) = running {
        if wanted == Some(debit.collect_on) && debit.amount_minor == row.balance_minor {
            return Ok(());
        }
        let payment = pushed.recorded.iter().find(|(kind, _)| *kind == SettlementKind::Payment).filter(|_| row.balance_minor == 0);
        if let Some((_, payment)) = payment {
            let how = DebitSettlement { payment_id: Some(PaymentId::from_uuid(payment.uuid())), ..DebitSettlement::default() };
            direct_debits::settle(act, debit.id, &how)?;
            memory.direct_debit_id = None;
            return Ok(());
        }
    }
    call_off(act, memory, "the system that it comes from collects it no more, or on another day")?;
    let Some(collect_on) = wanted else { return Ok(()) };
    memory.direct_debit_id = Some(announce(act, row, collect_on)?);
    Ok(())
}

fn announce(act: &mut Act<'_>, row: &Invoice, collect_on: NaiveDate) -> Result<DirectDebitId> {
    let wanted = Wanted { invoice_id: Some(row.id), instalment_id: None, charge_id: None, amount: row.balance_minor };
    let new =
        NewDirectDebit { customer_id: row.customer_id, currency: row.currency, collect_on, allocations: vec![wanted], reference: None };
    direct_debits::announce(act, &new).map(|debit| debit.id)
}

fn call_off(act: &mut Act<'_>, memory: &mut SourceDocument, why: &str) -> Result<()> {
    if let Some(id) = memory.direct_debit_id.take()
        && store::direct_debits::find(act.conn, act.tenant, id)?.state == DebitState::Announced
    {
        direct_debits::fail(act, id, Some(why))?;
    }
    Ok(())
}

/// Holds what its source has written off, and lifts that hold when it has it again.
fn written_off(act: &mut Act<'_>, document: &SourceInvoice, row: &Invoice, memory: &mut SourceDocument) -> Result<()> {
    if document.status != SourceStatus::Uncollectible {
        return lift(act, memory);
    }
    if memory.hold_id.is_none() && row.balance_minor > 0 {
        let new = NewHold { customer_id: None, invoice_id: Some(row.id), reason: WRITTEN_OFF.to_owned(), from: None, until: None };
        memory.hold_id = Some(holds::place(act, &new)?.id);
    }
    Ok(())
}

fn lift(act: &mut Act<'_>, memory: &mut SourceDocument) -> Result<()> {
    match memory.hold_id.take() {
        Some(id) => holds::lift(act, id).map(drop),
        None => Ok(()),
    }
}

/// What allocates an amount to an invoice and to nothing else.
fn to_invoice(id: InvoiceId, amount: i64) -> Wanted {
    Wanted { invoice_id: Some(id), instalment_id: None, charge_id: None, amount }
}

/// Takes a credit note back altogether: whatever it settled is open again, and nothing of it is left.
fn withdraw_credit(act: &mut Act<'_>, id: SettlementId) -> Result<()> {
    for one in store::allocations::of_settlements(act.conn, act.tenant, &[id])? {
        super::settlements::reverse(act, one.id)?;
    }
    let row = store::settlements::find(act.conn, act.tenant, SettlementKind::CreditNote, id)?;
    store::settlements::set_withdrawn(act.conn, act.tenant, id, Ts(act.wall))?;
    let body =
        json!({"customer_id": row.customer_id, "currency": row.currency, "amount": row.amount_minor, "reason": "withdrawn at its source"});
    act.witness("credit_note.withdrawn", row.public_id(), body);
    act.touch(row.customer_id, row.currency);
    Ok(())
}

/// What is kept under a key of a kind, if it still stands.
fn standing(act: &mut Act<'_>, kind: SettlementKind, key: &ExternalKey) -> Result<Option<Settlement>> {
    let found = store::settlements::find_by_key(act.conn, act.tenant, kind, key)?;
    Ok(found.filter(|row| row.withdrawn_at.is_none() && row.status() == PaymentStatus::Received))
}

/// An error for a source that says what cannot be.
fn unheard_of(detail: &str) -> Error {
    Error::internal(format!("a pushed document: {detail}"))
}
