//! `/v1/sources/{source}/invoices/{external_id}`: an invoice as its source has it now. Every connector ends here, and needs nothing that a caller does not have.

use actix_web::put;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    external::{self, KeyPath},
};
use crate::{
    actions::{self, push::Pushed, put::Outcome},
    domain::{
        external::ExternalKey,
        ids::{CreditNoteId, CustomerId, DirectDebitId, HoldId, InvoiceId, PaymentId},
        invalid::Faults,
        ledger::{
            invoice::InvoiceStatus,
            settlement::{SettlementId, SettlementKind},
        },
        push::{PushOutcome, SourceInvoice, SourceKind},
    },
    error::Error,
};

/// The longest name of a document: what is recorded on its word is named after it.
const MAX_NAME: usize = 180;

/// What became of a pushed document, part by part.
#[derive(Debug, Serialize, ToSchema)]
pub struct PushedView {
    /// Always `pushed_document`.
    #[schema(max_length = 20, example = "pushed_document")]
    pub object: &'static str,
    /// The system that it comes from.
    #[schema(max_length = 50, example = "sage")]
    pub source: String,
    /// That system's name for it.
    #[schema(max_length = 200, example = "F-2026-118")]
    pub external_id: String,
    /// What it is.
    pub kind: SourceKind,
    /// What became of it as a whole.
    pub outcome: PushOutcome,
    /// Its customer; absent where nothing was recorded of him.
    pub customer_id: Option<CustomerId>,
    /// The invoice; absent for a credit note, and for an invoice that was void before it was known.
    pub invoice_id: Option<InvoiceId>,
    /// Where the invoice stands now.
    pub invoice_status: Option<InvoiceStatus>,
    /// What is left of the invoice now, in minor units.
    #[schema(minimum = 0)]
    pub balance: Option<i64>,
    /// The credit note; absent for an invoice, and where all of it was told with the invoices that it gives up.
    pub credit_note_id: Option<CreditNoteId>,
    /// Payments recorded now, because the source says that less is left than was open here.
    #[schema(max_items = 100)]
    pub payments_recorded: Vec<PaymentId>,
    /// Credit notes recorded now, because the source says that less is left and that it was not paid in money.
    #[schema(max_items = 100)]
    pub credit_notes_recorded: Vec<CreditNoteId>,
    /// Payments recorded on the source's word before and returned now, because it says that more is left.
    #[schema(max_items = 10_000)]
    pub payments_returned: Vec<PaymentId>,
    /// Credit notes taken back now, for the same reason or because they are void there.
    #[schema(max_items = 10_000)]
    pub credit_notes_withdrawn: Vec<CreditNoteId>,
    /// The direct debit under way for what is left.
    pub direct_debit_id: Option<DirectDebitId>,
    /// The hold on it, because its source has written it off.
    pub hold_id: Option<HoldId>,
}

impl PushedView {
    fn of(key: ExternalKey, kind: SourceKind, pushed: Pushed) -> Self {
        let ids =
            |of: &[(SettlementKind, SettlementId)], kind| of.iter().filter(|one| one.0 == kind).map(|one| one.1.uuid()).collect::<Vec<_>>();
        let payments = |of: &[_]| ids(of, SettlementKind::Payment).into_iter().map(PaymentId::from_uuid).collect();
        let notes = |of: &[_]| ids(of, SettlementKind::CreditNote).into_iter().map(CreditNoteId::from_uuid).collect();
        let invoice = pushed.invoice.as_ref().map(|(_, row)| row);
        Self {
            object: "pushed_document",
            source: key.source,
            external_id: key.external_id,
            kind,
            outcome: match pushed.outcome {
                _ if pushed.outdated => PushOutcome::Outdated,
                Outcome::Created => PushOutcome::Created,
                Outcome::Changed => PushOutcome::Changed,
                Outcome::Unchanged => PushOutcome::Unchanged,
            },
            customer_id: pushed.customer.map(|(_, id)| id),
            invoice_id: invoice.map(|row| row.id),
            invoice_status: invoice.map(|row| row.status),
            balance: invoice.map(|row| row.balance_minor),
            credit_note_id: pushed.credit_note.map(|(_, id)| CreditNoteId::from_uuid(id.uuid())),
            payments_recorded: payments(&pushed.recorded),
            credit_notes_recorded: notes(&pushed.recorded),
            payments_returned: payments(&pushed.taken_back),
            credit_notes_withdrawn: notes(&pushed.taken_back),
            direct_debit_id: pushed.direct_debit,
            hold_id: pushed.hold,
        }
    }
}

/// Push an invoice or a credit note
///
/// As its source has it now: whom it is made out to, what it comes to, what is left. One call records the customer and the document, or brings both up to date, in one
/// transaction; push it again whenever anything of it changes. What is left decides: where the source says that less is left than is open here, the difference is recorded as
/// paid (or, beyond `amount_paid`, as credited), so that money which came by another way is not counted twice; where it says that more is left, what was recorded on its word
/// is taken back. `void` cancels it. The same snapshot again changes nothing, and one with an older `updated_at` than the last changes nothing either.
#[utoipa::path(operation_id = "pushSourceInvoice", tag = "Connections", params(("source" = String, Path, description = "The other system", min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9._-]+$"), ("external_id" = String, Path, description = "Its name for the document", max_length = 180, pattern = "^[^\\x00-\\x1F\\x7F-\\x9F]+$")), request_body = SourceInvoice, responses((status = 201, description = "It was new", body = PushedView), (status = 200, description = "It was known", body = PushedView)), security(("api_key" = ["imports:write"])))]
#[put("/v1/sources/{source}/invoices/{external_id}")]
pub async fn put(call: Call<SourceInvoice>, path: KeyPath) -> Answer {
    let key = external::key(&path)?;
    if key.external_id.chars().count() > MAX_NAME {
        return Err(Error::Malformed(Faults::one("path", "wrong_format", format!("external_id: 1 to {MAX_NAME} characters"))).into());
    }
    let document = call.body.clone();
    call.act_as(move |act| {
        let pushed = actions::push::apply(act, &key, &document)?;
        let status = external::status(pushed.outcome);
        Ok((status, PushedView::of(key.clone(), document.kind, pushed)))
    })
    .await
}
