//! An electronic invoice recorded: its buyer if he is new, itself, the PDF that it came in, and the debit that it announces.

use super::{Done, ensure};
use crate::{
    actions::{
        Act, documents, files,
        put::{IfKnown, Outcome, one_by_one, only},
    },
    domain::{
        crypto::sha256,
        customer::CustomerKind,
        external::ExternalKey,
        ids::InvoiceId,
        import::{
            e_invoice,
            invoice_file::{DocumentKind, InvoiceFile},
            job::{ImportProblem, RowOutcome},
        },
        ledger::{
            direct_debit::NewDirectDebit,
            document::{MediaType, NewDocument},
            invoice::InvoiceStatus,
            settlement::Wanted,
        },
    },
    error::{Error, Result},
    store::{
        self,
        invoices::{Invoice, InvoiceSort},
    },
};

/// Records the file. What it breaks refuses it, and is said.
pub(super) fn record(act: &mut Act<'_>, file: &InvoiceFile, pdf: Option<&[u8]>, source: &str, kind: CustomerKind) -> Result<Done> {
    let mut done = Done::new(0, &file.number, RowOutcome::Unchanged);
    let mut outcomes = one_by_one([()], |()| recorded(act, file, pdf, source, kind, &mut done))?;
    match outcomes.pop() {
        Some(Err(error)) => {
            let refused = Done::refused(0, &file.number, error);
            Ok(Done { things: done.things, ..refused })
        }
        _ => Ok(done),
    }
}

fn recorded(act: &mut Act<'_>, file: &InvoiceFile, pdf: Option<&[u8]>, source: &str, kind: CustomerKind, done: &mut Done) -> Result<()> {
    let customer = e_invoice::customer(file, source, kind)?;
    let Some(key) = customer.key() else { return Err(Error::internal("a customer without a name")) };
    if file.kind == DocumentKind::CreditNote {
        let customers = ensure(act, &[customer])?;
        done.and("/customer", only(customers));
        return credit_note(act, file, source, &key, done);
    }
    let new = e_invoice::invoice(file, source, &key)?;
    let customers = ensure(act, &[customer])?;
    done.and("/customer", only(customers));
    let put = only(crate::actions::invoices::put(act, &[new], IfKnown::Update)?)?;
    done.outcome = put.outcome.into();
    done.and("", Ok((put.outcome, put.row.id)));
    if let Some(pdf) = pdf {
        keep(act, &put.row, pdf, done)?;
    }
    if put.outcome == Outcome::Created {
        announce(act, file, &put.row, done)?;
    }
    Ok(())
}

/// The credit note, given up of the invoices that it names, as far as they are this customer's and open.
fn credit_note(act: &mut Act<'_>, file: &InvoiceFile, source: &str, customer: &ExternalKey, done: &mut Done) -> Result<()> {
    let key = ExternalKey { source: source.to_owned(), external_id: file.number.clone() };
    let known = store::settlements::known(act.conn, act.tenant, source, std::slice::from_ref(&key.external_id))?;
    let owner = store::customers::find_by_key(act.conn, act.tenant, customer)?.id;
    let mut named: Vec<(InvoiceId, i64)> = Vec::new();
    for number in file.preceding.iter().take(20) {
        let filter = store::invoices::Filter {
            customer_id: Some(owner),
            currency: Some(file.currency),
            number: Some(number.clone()),
            ..Default::default()
        };
        let found = store::invoices::list(act.conn, act.tenant, &filter, InvoiceSort::CreatedAt, None, 20)?;
        named.extend(found.iter().filter(|row| row.status == InvoiceStatus::Open).map(|row| (row.id, row.balance_minor)));
    }
    let new = e_invoice::credit_note(file, source, customer, &named)?;
    if new.amount == 0 {
        done.outcome = RowOutcome::Skipped;
        done.problems.push(ImportProblem::row("it gives up nothing"));
        return Ok(());
    }
    if new.allocations.allocations.is_none() && known.is_empty() {
        let why = "it names no open invoice of this customer: it is recorded, and left to be allocated";
        done.problems.push(ImportProblem { place: "/preceding".to_owned(), value: None, detail: why.to_owned() });
    }
    let put = crate::actions::settlements::record(act, &new)?;
    done.outcome = put.outcome.into();
    done.and("", Ok((put.outcome, put.row.public_id())));
    Ok(())
}

/// Keeps the PDF beside its invoice, once.
fn keep(act: &mut Act<'_>, invoice: &Invoice, pdf: &[u8], done: &mut Done) -> Result<()> {
    let digest = sha256(&[pdf]);
    let there = store::documents::of_invoice(act.conn, act.tenant, invoice.id)?;
    if there.iter().any(|one| one.sha256.as_deref() == Some(digest.as_slice())) {
        return Ok(());
    }
    let plain = |one: char| if one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.') { one } else { '_' };
    let new = NewDocument {
        name: format!("{}.pdf", invoice.number.chars().map(plain).collect::<String>()),
        media_type: MediaType::Pdf,
        invoice_id: Some(invoice.id),
        customer_id: Some(invoice.customer_id),
    };
    let file = files::keep(act, pdf)?;
    let row = documents::add(act, &new, file)?;
    done.and("", Ok((Outcome::Created, row.id)));
    Ok(())
}

/// The creditor collects: nobody is asked to pay until it is known whether the money came.
fn announce(act: &mut Act<'_>, file: &InvoiceFile, invoice: &Invoice, done: &mut Done) -> Result<()> {
    let parts = store::instalments::of_invoices(act.conn, act.tenant, &[invoice.id])?;
    for part in parts.iter().filter(|part| part.balance_minor > 0) {
        let Some((reference, collect_on)) = e_invoice::collection(file, part.due_date) else { return Ok(()) };
        let wanted = Wanted { invoice_id: None, instalment_id: Some(part.id), charge_id: None, amount: part.balance_minor };
        let (customer_id, currency) = (invoice.customer_id, invoice.currency);
        let new = NewDirectDebit { customer_id, currency, collect_on, allocations: vec![wanted], reference };
        let row = crate::actions::direct_debits::announce(act, &new)?;
        done.and("", Ok((Outcome::Created, row.id)));
    }
    Ok(())
}
