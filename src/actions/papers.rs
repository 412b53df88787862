//! Documents of a message: kept with its customer's, by the digest of their bytes.
//!
//! Invariant: the same bytes are kept once for a message and a kind.

use super::{Act, documents, files};
use crate::{
    domain::{
        crypto::sha256,
        delivery::PaperKind,
        ledger::document::{MediaType, NewDocument},
    },
    error::Result,
    store::{self, Ts, documents::Document, message_documents::MessageDocument, messages::Message},
};

/// Keeps a document beside a message; `None` if it is there already.
pub(super) fn keep(act: &mut Act<'_>, message: &Message, kind: PaperKind, media_type: MediaType, bytes: &[u8]) -> Result<Option<Document>> {
    let digest = sha256(&[bytes]);
    if store::message_documents::exists(act.conn, act.tenant, message.id, kind, &digest)? {
        return Ok(None);
    }
    let name = format!("{kind}-{}.{}", message.id, media_type.extension());
    let new = NewDocument { name, media_type, invoice_id: None, customer_id: Some(message.customer_id) };
    let file = files::keep(act, bytes)?;
    let document = documents::insert(act, &new, file)?;
    let row = MessageDocument {
        tenant_id: act.tenant,
        message_id: message.id,
        kind,
        sha256: digest.to_vec(),
        document_id: document.id,
        created_at: Ts(act.now),
    };
    store::message_documents::insert(act.conn, &row)?;
    Ok(Some(document))
}
