//! Documents: kept beside an invoice or a customer, with the digest of their bytes in the journal.

use serde_json::json;

use super::Act;
use crate::{
    domain::{crypto::sha256, ids::DocumentId, invalid::Faults, ledger::document::NewDocument},
    error::{Error, Result},
    store::{self, Ts, documents::Document},
};

/// Keeps a document.
///
/// # Errors
/// Every broken rule of the input; no such invoice or customer.
pub fn create(act: &mut Act<'_>, new: &NewDocument) -> Result<Document> {
    let content = new.content()?;
    check_owner(act, new)?;
    let digest = sha256(&[&content]);
    let row = Document {
        tenant_id: act.tenant,
        id: DocumentId::new(act.wall),
        invoice_id: new.invoice_id,
        customer_id: new.customer_id,
        name: new.name.clone(),
        media_type: new.media_type,
        size: Some(i64::try_from(content.len()).map_err(Error::internal)?),
        sha256: Some(digest.to_vec()),
        url: None,
        created_at: Ts(act.wall),
    };
    store::documents::insert(act.conn, &row, &content)?;
    let body = json!({"invoice_id": row.invoice_id, "customer_id": row.customer_id, "media_type": row.media_type, "size": row.size,
        "sha256": data_encoding::HEXLOWER.encode(&digest)});
    act.witness("document.added", row.id, body);
    Ok(row)
}

fn check_owner(act: &mut Act<'_>, new: &NewDocument) -> Result<()> {
    let mut faults = Faults::none();
    let invoice = new.invoice_id.map(|id| store::invoices::find(act.conn, act.tenant, id));
    let customer = new.customer_id.map(|id| store::customers::find(act.conn, act.tenant, id));
    match (&invoice, &customer) {
        (Some(Ok(invoice)), Some(Ok(customer))) if invoice.customer_id != customer.id => {
            faults.add("/customer_id", "contradiction", "the invoice is another customer's");
        }
        _ => {}
    }
    for (pointer, error) in [("/invoice_id", invoice.and_then(Result::err)), ("/customer_id", customer.and_then(Result::err))] {
        match error {
            Some(Error::NotFound(what)) => faults.add(pointer, "not_found", format!("no such {what}")),
            Some(other) => return Err(other),
            None => {}
        }
    }
    Ok(faults.or(())?)
}
