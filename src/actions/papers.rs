//! Documents of a message: kept with its customer's, by the digest of their bytes.
//!
//! Invariant: the same bytes are kept once for a message and a kind.

use super::Act;
use crate::{
    domain::{crypto::sha256, delivery::PaperKind, ids::DocumentId, ledger::document::MediaType},
    error::{Error, Result},
    store::{self, Ts, documents::Document, message_documents::MessageDocument, messages::Message},
};

/// Keeps a document beside a message; `None` if it is there already.
pub(super) fn keep(act: &mut Act<'_>, message: &Message, kind: PaperKind, media_type: MediaType, bytes: &[u8]) -> Result<Option<Document>> {
    let digest = sha256(&[bytes]);
    if store::message_documents::exists(act.conn, act.tenant, message.id, kind, &digest)? {
        return Ok(None);
    }
    let document = Document {
        tenant_id: act.tenant,
        id: DocumentId::new(act.wall),
        invoice_id: None,
        customer_id: Some(message.customer_id),
        name: format!("{kind}-{}.{}", message.id, media_type.extension()),
        media_type,
        size: Some(i64::try_from(bytes.len()).map_err(Error::internal)?),
        sha256: Some(digest.to_vec()),
        url: None,
        created_at: Ts(act.wall),
    };
    store::documents::insert(act.conn, &document, bytes)?;
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
