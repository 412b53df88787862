//! `/v1/customers/{customer_id}/contacts`: people at a customer.

use actix_web::{delete, http::StatusCode, patch, post};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, call::Answer};
use crate::{
    actions,
    domain::{
        contact::{Channel, Email, Phone},
        customer::{ContactChange, NewContact},
        ids::{ContactId, CustomerId},
        locale::Language,
    },
    store::contacts::Contact,
};

/// A person at a customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactView {
    /// Always `contact`.
    #[schema(max_length = 20, example = "contact")]
    pub object: &'static str,
    /// The contact's id.
    pub id: ContactId,
    /// At whom.
    pub customer_id: CustomerId,
    /// The person's, or the department's, name.
    #[schema(max_length = 140)]
    pub name: String,
    /// What for, in the creditor's words.
    #[schema(max_length = 60)]
    pub role: Option<String>,
    /// Where e-mail goes.
    pub email: Option<Email>,
    /// Where text messages and calls go.
    pub phone: Option<Phone>,
    /// The person's own language.
    pub language: Option<Language>,
    /// Channels that the person has refused.
    #[schema(max_items = 5)]
    pub opted_out: Vec<Channel>,
    /// Written to first.
    pub primary: bool,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<Contact> for ContactView {
    fn from(row: Contact) -> Self {
        Self {
            object: "contact",
            id: row.id,
            customer_id: row.customer_id,
            name: row.name,
            role: row.role,
            email: row.email,
            phone: row.phone,
            language: row.language,
            opted_out: row.opted_out.0,
            primary: row.is_primary,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

/// Create a contact
///
/// The first contact of a customer is its primary one. A customer has at most 50.
#[utoipa::path(operation_id = "createContact", tag = "Customers", params(("customer_id" = CustomerId, Path, description = "The customer")), request_body = NewContact, responses((status = 201, description = "Recorded", body = ContactView)), security(("api_key" = ["customers:write"])))]
#[post("/v1/customers/{customer_id}/contacts")]
pub async fn create(call: Call<NewContact>) -> Answer {
    let (customer, new) = (call.id("customer_id")?, call.body.clone());
    call.act(StatusCode::CREATED, move |act| actions::contacts::create(act, customer, &new).map(ContactView::from)).await
}

/// Change a contact
///
/// Absent fields stay as they are. What is not sent yet follows.
#[utoipa::path(operation_id = "updateContact", tag = "Customers", params(("customer_id" = CustomerId, Path, description = "The customer"), ("contact_id" = ContactId, Path, description = "The contact")), request_body = ContactChange, responses((status = 200, description = "As it is now", body = ContactView)), security(("api_key" = ["customers:write"])))]
#[patch("/v1/customers/{customer_id}/contacts/{contact_id}")]
pub async fn change(call: Call<ContactChange>) -> Answer {
    let (customer, id, change) = (call.id("customer_id")?, call.id("contact_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| actions::contacts::change(act, customer, id, &change).map(ContactView::from)).await
}

/// Delete a contact
///
/// Nothing is sent there any more. If it was the primary one, the next in order takes its place.
#[utoipa::path(operation_id = "deleteContact", tag = "Customers", params(("customer_id" = CustomerId, Path, description = "The customer"), ("contact_id" = ContactId, Path, description = "The contact")), responses((status = 200, description = "As it was", body = ContactView)), security(("api_key" = ["customers:write"])))]
#[delete("/v1/customers/{customer_id}/contacts/{contact_id}")]
pub async fn remove(call: Call) -> Answer {
    let (customer, id) = (call.id("customer_id")?, call.id("contact_id")?);
    call.act(StatusCode::OK, move |act| actions::contacts::remove(act, customer, id).map(ContactView::from)).await
}
