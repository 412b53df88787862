//! Documents: kept beside an invoice or a customer, with the digest of their bytes in the journal.

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::HEXLOWER;
use serde_json::json;

use super::Act;
use crate::{
    domain::{
        ids::{DocumentId, FileId},
        invalid::Faults,
        ledger::document::{NewDocument, NewDownloadLink},
        link::Links,
    },
    error::{Error, Result},
    store::{self, Ts, documents::Document},
};

/// Keeps a file as a document.
///
/// # Errors
/// No such invoice or customer, and which.
pub fn create(act: &mut Act<'_>, new: &NewDocument, file: FileId) -> Result<Document> {
    check_owner(act, new)?;
    add(act, new, file)
}

/// The same, for an owner who is at hand.
///
/// # Errors
/// The store's.
pub fn add(act: &mut Act<'_>, new: &NewDocument, file: FileId) -> Result<Document> {
    let row = insert(act, new, file)?;
    let body = json!({"invoice_id": row.invoice_id, "customer_id": row.customer_id, "media_type": row.media_type, "size": row.size,
        "sha256": row.sha256.as_deref().map(|digest| HEXLOWER.encode(digest))});
    act.witness("document.added", row.id, body);
    Ok(row)
}

/// The same without evidence, which the caller leaves.
pub(super) fn insert(act: &mut Act<'_>, new: &NewDocument, file: FileId) -> Result<Document> {
    let file = store::files::find(act.conn, act.tenant, file)?;
    let row = Document {
        tenant_id: act.tenant,
        id: DocumentId::new(act.wall),
        invoice_id: new.invoice_id,
        customer_id: new.customer_id,
        name: new.name.clone(),
        media_type: new.media_type,
        size: Some(file.size),
        sha256: file.sha256,
        url: None,
        file_id: Some(file.id),
        created_at: Ts(act.wall),
    };
    store::documents::insert(act.conn, std::slice::from_ref(&row))?;
    Ok(row)
}

/// Lets whoever has the link download a document, until it ends.
///
/// # Errors
/// No such document, or one that lives elsewhere.
pub fn share(act: &mut Act<'_>, id: DocumentId, links: &Links, new: &NewDownloadLink) -> Result<(String, DateTime<Utc>)> {
    let row = store::documents::find(act.conn, act.tenant, id)?;
    row.file()?;
    let until = act.wall + TimeDelta::seconds(new.expires_in.into());
    let link = links.document(act.tenant, id, until).ok_or_else(|| Error::internal("a link could not be made"))?;
    act.audit("document.shared", id, json!({"until": until}));
    Ok((link, until))
}

fn check_owner(act: &mut Act<'_>, new: &NewDocument) -> Result<()> {
    let mut faults = Faults::none();
    let invoice = new.invoice_id.map(|id| store::invoices::find(act.conn, act.tenant, id));
    let customer = new.customer_id.map(|id| store::customers::find(act.conn, act.tenant, id));
    match (&invoice, &customer) {
        (Some(Ok(invoice)), Some(Ok(customer))) if invoice.customer_id != customer.id => {
            faults.add("?customer_id", "contradiction", "the invoice is another customer's");
        }
        _ => {}
    }
    for (pointer, error) in [("?invoice_id", invoice.and_then(Result::err)), ("?customer_id", customer.and_then(Result::err))] {
        match error {
            Some(Error::NotFound(what)) => faults.add(pointer, "not_found", format!("no such {what}")),
            Some(other) => return Err(other),
            None => {}
        }
    }
    Ok(faults.or(())?)
}
