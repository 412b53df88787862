//! `/v1/documents`: slips, orders and letters beside an invoice or a customer.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, http::StatusCode, post, web};
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call, Problem, State,
    call::{Answer, request_id},
    page::{Page, PageQuery},
};
use crate::{
    actions,
    domain::{
        ids::{CustomerId, DocumentId, InvoiceId},
        ledger::document::{MediaType, NewDocument},
    },
    store::{self, Conn, documents::Document},
};

/// A document, without its bytes.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentView {
    /// Always `document`.
    #[schema(max_length = 20, example = "document")]
    pub object: &'static str,
    /// The document's id.
    pub id: DocumentId,
    /// The invoice that it belongs to.
    pub invoice_id: Option<InvoiceId>,
    /// The customer that it belongs to.
    pub customer_id: Option<CustomerId>,
    /// A file name.
    #[schema(max_length = 140)]
    pub name: String,
    /// What it is.
    pub media_type: MediaType,
    /// How many bytes; absent for one that lives elsewhere.
    #[schema(minimum = 0)]
    pub size: Option<i64>,
    /// SHA-256 of the bytes, in hexadecimal; absent for one that lives elsewhere.
    #[schema(max_length = 64)]
    pub sha256: Option<String>,
    /// Where it lives, if elsewhere.
    #[schema(max_length = 500)]
    pub url: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

impl From<Document> for DocumentView {
    fn from(row: Document) -> Self {
        Self {
            object: "document",
            id: row.id,
            invoice_id: row.invoice_id,
            customer_id: row.customer_id,
            name: row.name,
            media_type: row.media_type,
            size: row.size,
            sha256: row.sha256.map(|digest| HEXLOWER.encode(&digest)),
            url: row.url,
            created_at: row.created_at.0,
        }
    }
}

/// Which documents to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DocumentQuery {
    /// Only of this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
}

/// Upload a document
///
/// The bytes must be what `media_type` says. Their digest enters the journal.
#[utoipa::path(operation_id = "createDocument", tag = "Invoices", request_body = NewDocument, responses((status = 201, description = "Kept", body = DocumentView)), security(("api_key" = ["invoices:write"])))]
#[post("/v1/documents")]
pub async fn create(call: Call<NewDocument>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| actions::documents::create(act, &new).map(DocumentView::from)).await
}

/// List documents
///
/// In the order in which they were added.
#[utoipa::path(operation_id = "listDocuments", tag = "Invoices", params(PageQuery, DocumentQuery), responses((status = 200, description = "A page", body = Page<DocumentView>)), security(("api_key" = ["invoices:read"])))]
#[get("/v1/documents")]
pub async fn list(call: Call<(), DocumentQuery>) -> Answer {
    let window = call.window()?;
    let filter = store::documents::Filter { invoice_id: call.query.invoice_id, customer_id: call.query.customer_id };
    let rows = call.read(move |conn, tenant| store::documents::list(conn, tenant, &filter, window.after(), window.fetch())).await?;
    call.page(window, rows, |row| row.id.uuid(), DocumentView::from).await
}

/// Get a document
///
/// Its record; the bytes are at `/content`, or at its `url`.
#[utoipa::path(operation_id = "getDocument", tag = "Invoices", params(("document_id" = DocumentId, Path, description = "The document")), responses((status = 200, description = "The document", body = DocumentView)), security(("api_key" = ["invoices:read"])))]
#[get("/v1/documents/{document_id}")]
pub async fn find(call: Call) -> Answer {
    let id = call.id("document_id")?;
    let row = call.read(move |conn, tenant| store::documents::find(conn, tenant, id)).await?;
    call.ok(&DocumentView::from(row))
}

/// Download a document
///
/// The bytes as they were uploaded. A document that lives elsewhere has none here.
#[utoipa::path(operation_id = "getDocumentContent", tag = "Invoices", params(("document_id" = DocumentId, Path, description = "The document")), responses((status = 200, description = "The bytes", body = Vec<u8>, content_type = "application/octet-stream")), security(("api_key" = ["invoices:read"])))]
#[get("/v1/documents/{document_id}/content")]
pub async fn content(call: Call) -> Answer {
    let id = call.id("document_id")?;
    let (row, bytes) = call
        .read(move |conn, tenant| Ok((store::documents::find(conn, tenant, id)?, store::documents::content(conn, tenant, id)?)))
        .await?;
    Ok(download(call.answer(StatusCode::OK), &row.name, bytes))
}

/// Download a linked document
///
/// For whoever was sent the link, printed in an e-mail that was too small for its documents. It holds for 90 days.
#[utoipa::path(operation_id = "downloadLinkedDocument", tag = "Invoices", params(("token" = String, Path, description = "From the e-mail", max_length = 200)), responses((status = 200, description = "The bytes", body = Vec<u8>, content_type = "application/octet-stream")), security())]
#[get("/v1/document-links/{token}")]
pub async fn linked(request: HttpRequest, state: web::Data<State>) -> Answer {
    let answer = async {
        let token = request.match_info().get("token").unwrap_or_default();
        let found = state.links.read_document(token, state.clock.now());
        let (tenant, id) = found.ok_or_else(|| Problem::new("not_found", "no such link, or one that has ended"))?;
        let read = move |conn: &mut Conn| Ok((store::documents::find(conn, tenant, id)?, store::documents::content(conn, tenant, id)?));
        let (row, bytes) = state.db.read(tenant, read).await?;
        let mut response = HttpResponse::build(StatusCode::OK);
        response
            .insert_header(("Referrer-Policy", "no-referrer"))
            .insert_header(("X-Robots-Tag", "noindex"))
            .insert_header(("Cache-Control", "no-store"));
        Ok(download(response, &row.name, bytes))
    };
    answer.await.map_err(|problem: Problem| problem.of_request(&request_id(&request)))
}

/// Never shown in a browser as what it claims to be: it came from outside.
fn download(mut response: HttpResponseBuilder, name: &str, bytes: Vec<u8>) -> HttpResponse {
    response
        .content_type("application/octet-stream")
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Content-Disposition", disposition(name)))
        .body(bytes)
}

/// An attachment under its own name (RFC 6266): in plain letters for old clients, exactly for the others.
fn disposition(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let fallback: String = name.bytes().map(|byte| if plain(byte) { char::from(byte) } else { '_' }).collect();
    let exact: String = name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect();
    format!("attachment; filename=\"{fallback}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_cannot_leave_its_header() {
        assert_eq!(super::disposition("a\"\r\né.pdf"), "attachment; filename=\"a_____.pdf\"; filename*=UTF-8''a%22%0D%0A%C3%A9.pdf");
    }
}
