//! `/v1/documents`: slips, orders and letters beside an invoice or a customer.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::SizedStream,
    get,
    http::StatusCode,
    post,
    web::{self, Bytes},
};
use chrono::{DateTime, Utc};
use data_encoding::{BASE64, HEXLOWER};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call, Problem, State,
    call::{Answer, request_id},
    page::{Page, PageQuery},
    tables::unbroken,
    upload,
};
use crate::{
    actions,
    domain::{
        ids::{CustomerId, DocumentId, InvoiceId},
        invalid::Faults,
        ledger::document::{Inspection, MAX_BYTES, MediaType, NewDocument, NewDownloadLink},
    },
    error::{Error, Result},
    store::{self, documents::Document},
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

/// What is known of a document beside its bytes.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UploadQuery {
    /// A file name.
    #[param(min_length = 1, max_length = 140, example = "delivery-slip.pdf")]
    pub name: String,
    /// The invoice that it belongs to.
    pub invoice_id: Option<InvoiceId>,
    /// The customer that it belongs to.
    pub customer_id: Option<CustomerId>,
}

/// Upload a document
///
/// The body is the file as it is, up to 25 MB, and must be what `Content-Type` says: a PDF, a picture, or a text in UTF-8. It belongs to an invoice, a customer, or
/// both. Its digest enters the journal.
#[utoipa::path(operation_id = "createDocument", tag = "Invoices", params(UploadQuery),
    request_body(description = "The file as it is", content((Vec<u8> = "application/pdf"), (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "text/plain"), (Vec<u8> = "text/csv"))),
    responses((status = 201, description = "Kept", body = DocumentView)), security(("api_key" = ["invoices:write"])))]
#[post("/v1/documents")]
pub async fn create(payload: web::Payload, mut call: Call<(), UploadQuery>) -> Answer {
    let known: Vec<&str> = MediaType::ALL.iter().map(|one| one.as_str()).collect();
    let media_type: MediaType = upload::media_type(&call, &known)?.parse().map_err(Error::internal)?;
    let UploadQuery { name, invoice_id, customer_id } = call.query.clone();
    let new = NewDocument { name, media_type, invoice_id, customer_id };
    new.check()?;
    let mut inspection = Inspection::of(media_type);
    let look = |piece: &[u8], last| match inspection.passes(piece, last) {
        true => Ok(()),
        false => Err(Faults::one("", "wrong_type", format!("the file is not {media_type}, which Content-Type says it is")).into()),
    };
    let file = upload::keep(&mut call, payload.into_inner(), MAX_BYTES, look).await?;
    call.act(StatusCode::CREATED, move |act| actions::documents::create(act, &new, file).map(DocumentView::from)).await
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
    let row = call.read(move |conn, tenant| store::documents::find(conn, tenant, id)).await?;
    Ok(download(call.answer(StatusCode::OK), &call.state, &row)?)
}

/// A link to a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct DownloadLinkView {
    /// Always `download_link`.
    #[schema(max_length = 20, example = "download_link")]
    pub object: &'static str,
    /// Whoever has it downloads the document, without a key.
    #[schema(max_length = 500, example = "https://relance.example/v1/document-links/AZ…")]
    pub url: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Share a document
///
/// For a browser or for whoever has no key: the link is signed, and holds until it expires. It cannot be taken back, so make it short-lived.
#[utoipa::path(operation_id = "createDownloadLink", tag = "Invoices", params(("document_id" = DocumentId, Path, description = "The document")), request_body = NewDownloadLink, responses((status = 201, description = "The link", body = DownloadLinkView)), security(("api_key" = ["invoices:write"])))]
#[post("/v1/documents/{document_id}/download-links")]
pub async fn share(call: Call<NewDownloadLink>) -> Answer {
    let (id, new, state) = (call.id("document_id")?, call.body.clone(), call.state.clone());
    call.act(StatusCode::CREATED, move |act| {
        let (url, expires_at) = actions::documents::share(act, id, &state.links, &new)?;
        Ok(DownloadLinkView { object: "download_link", url, expires_at })
    })
    .await
}

/// Download a linked document
///
/// For whoever has the link: from an e-mail that was too small for its documents, where it holds for 90 days, or from `createDownloadLink`.
#[utoipa::path(operation_id = "downloadLinkedDocument", tag = "Invoices", params(("token" = String, Path, description = "From the link", max_length = 200)), responses((status = 200, description = "The bytes", body = Vec<u8>, content_type = "application/octet-stream")), security())]
#[get("/v1/document-links/{token}")]
pub async fn linked(request: HttpRequest, state: web::Data<State>) -> Answer {
    let answer = async {
        let token = request.match_info().get("token").unwrap_or_default();
        let found = state.links.read_document(token, state.clock.now());
        let (tenant, id) = found.ok_or_else(|| Problem::new("not_found", "no such link, or one that has ended"))?;
        let row = state.db.read(tenant, move |conn| store::documents::find(conn, tenant, id)).await?;
        let mut response = HttpResponse::build(StatusCode::OK);
        response
            .insert_header(("Referrer-Policy", "no-referrer"))
            .insert_header(("X-Robots-Tag", "noindex"))
            .insert_header(("Cache-Control", "no-store"));
        Ok(download(response, &state, &row)?)
    };
    answer.await.map_err(|problem: Problem| problem.of_request(&request_id(&request)))
}

/// The bytes, a piece at a time. Never shown in a browser as what they claim to be: they came from outside.
fn download(mut response: HttpResponseBuilder, state: &State, row: &Document) -> Result<HttpResponse> {
    let (db, tenant, file) = (state.db.clone(), row.tenant_id, row.file()?);
    let size = u64::try_from(row.size.unwrap_or_default()).map_err(Error::internal)?;
    let pieces = stream::try_unfold(0_i32, move |number| {
        let db = db.clone();
        async move {
            let piece = db.read(tenant, move |conn| store::files::piece(conn, tenant, file, number)).await?;
            Ok::<_, Error>(piece.map(|piece| (Bytes::from(piece), number.saturating_add(1))))
        }
    });
    let digest = row.sha256.as_deref().map(|digest| format!("sha-256=:{}:", BASE64.encode(digest)));
    if let Some(digest) = digest {
        response.insert_header(("Repr-Digest", digest));
    }
    Ok(response
        .content_type("application/octet-stream")
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Content-Disposition", disposition(&row.name)))
        .body(SizedStream::new(size, Box::pin(unbroken(pieces)))))
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
