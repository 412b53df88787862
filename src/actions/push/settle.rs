//! What is settled on a source's word: payments and credit notes that stand in for those that only it knows.
//!
//! They are named after the invoice and numbered, so that each is recorded once. Invariant: afterwards the ledger has no more open of the invoice than its source says is left.

use chrono::NaiveDate;

use super::{Act, Pushed, standing, to_invoice, unheard_of, withdraw_credit};
use crate::{
    actions::settlements,
    domain::{
        external::{ExternalKey, Pairs},
        ledger::settlement::{NewAllocations, NewSettlement, Return, SettlementKind},
        push::SourceInvoice,
    },
    error::Result,
    store::{self, invoices::Invoice, settlements::Settlement, source_documents::SourceDocument},
};

/// The name of the stand-in of this number, below that of its invoice.
fn name(memory: &SourceDocument, number: i32) -> ExternalKey {
    ExternalKey { source: memory.source.clone(), external_id: format!("{}/settled/{number}", memory.external_id) }
}

/// Those that stand, latest first.
fn stand_ins(act: &mut Act<'_>, memory: &SourceDocument) -> Result<Vec<Settlement>> {
    let mut found = Vec::new();
    for number in (1..=memory.stand_ins).rev() {
        for kind in [SettlementKind::Payment, SettlementKind::CreditNote] {
            found.extend(standing(act, kind, &name(memory, number))?);
        }
    }
    Ok(found)
}

/// Takes back stand-ins, latest first, while `more` of what is open wants it.
pub(super) fn take_back(
    act: &mut Act<'_>,
    memory: &SourceDocument,
    pushed: &mut Pushed,
    mut more: impl FnMut(&mut i64) -> bool,
) -> Result<()> {
    let mut given_back = 0_i64;
    for row in stand_ins(act, memory)? {
        if !more(&mut given_back) {
            break;
        }
        match row.kind {
            SettlementKind::Payment => {
                let why = Return { reason: Some("taken back at its source".to_owned()) };
                settlements::correct(act, row.id, &why)?;
            }
            SettlementKind::CreditNote => withdraw_credit(act, row.id)?,
        }
        given_back = given_back.saturating_add(row.amount_minor);
        pushed.taken_back.push((row.kind, row.id));
    }
    Ok(())
}

/// Frees what stand-ins settle, so that the invoice may have another total; they are allocated again by [`to`].
pub(super) fn lay_aside(act: &mut Act<'_>, memory: &SourceDocument) -> Result<()> {
    let ids: Vec<_> = stand_ins(act, memory)?.iter().map(|row| row.id).collect();
    for one in store::allocations::of_settlements(act.conn, act.tenant, &ids)? {
        settlements::reverse(act, one.id)?;
    }
    Ok(())
}

/// Settles the invoice down to what its source says is left of it.
pub(super) fn to(
    act: &mut Act<'_>,
    key: &ExternalKey,
    document: &SourceInvoice,
    invoice: &Invoice,
    memory: &mut SourceDocument,
    pushed: &mut Pushed,
) -> Result<()> {
    let left = document.left();
    let mut open = again(act, invoice, memory, left)?;
    if open < left {
        let lacking = left.saturating_sub(open);
        take_back(act, memory, pushed, |given_back| *given_back < lacking)?;
        open = store::invoices::find(act.conn, act.tenant, invoice.id)?.balance_minor;
    }
    let gap = open.saturating_sub(left);
    if gap <= 0 {
        return Ok(());
    }
    let paid = match document.amount_paid {
        Some(paid) => paid.saturating_sub(store::source_documents::paid(act.conn, act.tenant, invoice.id)?).clamp(0, gap),
        None => gap,
    };
    let day = settled_on(act, document)?;
    for (kind, amount) in [(SettlementKind::Payment, paid), (SettlementKind::CreditNote, gap.saturating_sub(paid))] {
        if amount > 0 {
            memory.stand_ins = memory.stand_ins.checked_add(1).ok_or_else(|| unheard_of("too many settlements"))?;
            let put = settlements::record(act, &stand_in(key, invoice, memory, kind, amount, day))?;
            pushed.recorded.push((kind, put.row.id));
        }
    }
    Ok(())
}

/// Allocates again what [`lay_aside`] freed, and says what is open then.
fn again(act: &mut Act<'_>, invoice: &Invoice, memory: &SourceDocument, left: i64) -> Result<i64> {
    let mut open = invoice.balance_minor;
    for row in stand_ins(act, memory)?.into_iter().rev() {
        let amount = row.unallocated_minor.min(open.saturating_sub(left));
        if amount > 0 {
            let how = NewAllocations { allocations: Some(vec![to_invoice(invoice.id, amount)]), allocate: None };
            settlements::allocate_rest(act, row.kind, row.id, &how)?;
            open = open.saturating_sub(amount);
        }
    }
    Ok(store::invoices::find(act.conn, act.tenant, invoice.id)?.balance_minor)
}

fn settled_on(act: &mut Act<'_>, document: &SourceInvoice) -> Result<NaiveDate> {
    let (tenant, today) = act.today()?;
    let told = document.paid_on.or_else(|| Some(tenant.calendar().today(document.updated_at?)));
    Ok(told.unwrap_or(today).clamp(document.issue_date.min(today), today.max(document.issue_date)))
}

fn stand_in(
    key: &ExternalKey,
    invoice: &Invoice,
    memory: &SourceDocument,
    kind: SettlementKind,
    amount: i64,
    day: NaiveDate,
) -> NewSettlement {
    NewSettlement {
        kind,
        customer_id: Some(invoice.customer_id),
        customer: None,
        source: Some(key.source.clone()),
        external_id: Some(name(memory, memory.stand_ins).external_id),
        number: None,
        currency: invoice.currency,
        amount,
        settled_on: day,
        method: None,
        reference: Some(invoice.number.clone()).filter(|_| kind == SettlementKind::Payment),
        reason: Some("settled at its source".to_owned()).filter(|_| kind == SettlementKind::CreditNote),
        metadata: Pairs::default(),
        allocations: NewAllocations { allocations: Some(vec![to_invoice(invoice.id, amount)]), allocate: None },
    }
}
