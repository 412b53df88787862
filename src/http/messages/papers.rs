//! A letter's pages, and what proves its way.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{
        delivery::PaperKind,
        ids::{DocumentId, MessageId, TenantId},
    },
    error::Result,
    store::{self, Conn, message_documents::MessageDocument},
};

/// A document of a letter; its bytes are at `/v1/documents/{document_id}/content`.
#[derive(Serialize, ToSchema)]
pub struct LetterView {
    /// The document.
    pub document_id: DocumentId,
    /// SHA-256 of the bytes, in hexadecimal; the journal holds the same.
    #[schema(min_length = 64, max_length = 64)]
    pub sha256: String,
    /// When it was printed.
    pub printed_at: DateTime<Utc>,
}

/// A document that proves a stage of a letter's way; its bytes are at `/v1/documents/{document_id}/content`.
#[derive(Serialize, ToSchema)]
pub struct ProofView {
    /// What it proves.
    pub kind: PaperKind,
    /// The document.
    pub document_id: DocumentId,
    /// SHA-256 of the bytes, in hexadecimal; the journal holds the same.
    #[schema(min_length = 64, max_length = 64)]
    pub sha256: String,
    /// When it was received.
    pub received_at: DateTime<Utc>,
}

impl From<MessageDocument> for LetterView {
    fn from(row: MessageDocument) -> Self {
        Self { document_id: row.document_id, sha256: HEXLOWER.encode(&row.sha256), printed_at: row.created_at.0 }
    }
}

impl From<MessageDocument> for ProofView {
    fn from(row: MessageDocument) -> Self {
        Self { kind: row.kind, document_id: row.document_id, sha256: HEXLOWER.encode(&row.sha256), received_at: row.created_at.0 }
    }
}

/// A message's pages as they were handed over last, and its proofs, oldest first.
pub fn of(conn: &mut Conn, tenant: TenantId, message: MessageId) -> Result<(Option<LetterView>, Vec<ProofView>)> {
    let papers = store::message_documents::of_message(conn, tenant, message)?;
    let (letters, proofs): (Vec<_>, Vec<_>) = papers.into_iter().partition(|paper| paper.kind == PaperKind::Letter);
    Ok((letters.into_iter().next_back().map(LetterView::from), proofs.into_iter().map(ProofView::from).collect()))
}
