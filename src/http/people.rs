//! `/v1/people`: whom identity providers named, and who of them is kept out.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
    subject::Look,
};
use crate::{
    actions,
    domain::ids::{IdentityProviderId, PersonId},
    error::Result,
    store::{self, people::Person},
};

/// Somebody who was here.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonView {
    /// Always `person`.
    #[schema(max_length = 20, example = "person")]
    pub object: &'static str,
    /// The person's id: how evidence names them.
    pub id: PersonId,
    /// Who named them.
    pub identity_provider_id: IdentityProviderId,
    /// What their provider calls them (`sub`); `null` once they are forgotten.
    #[schema(max_length = 255, example = "248289761001")]
    pub subject: Option<String>,
    /// When they first came.
    pub created_at: DateTime<Utc>,
    /// When they last came, to the hour.
    pub last_seen_at: DateTime<Utc>,
    /// Since when they are kept out.
    pub blocked_at: Option<DateTime<Utc>>,
}

impl From<Person> for PersonView {
    fn from(row: Person) -> Self {
        Self {
            object: "person",
            id: row.id,
            identity_provider_id: row.provider_id,
            subject: row.subject,
            created_at: row.created_at.0,
            last_seen_at: row.last_seen_at.0,
            blocked_at: row.blocked_at.map(|at| at.0),
        }
    }
}

/// Which people, and which page of them.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PersonQuery {
    /// Only those whom this provider named.
    pub identity_provider_id: Option<IdentityProviderId>,
}

/// List people
///
/// Everybody who came with a token of an identity provider, in the order in which they first came.
#[utoipa::path(operation_id = "listPeople", tag = "Access", params(PageQuery, PersonQuery), responses((status = 200, description = "A page", body = Page<PersonView>)), security(("api_key" = ["identity:read"])))]
#[get("/v1/people")]
pub async fn list(call: Call<(), PersonQuery>) -> Answer {
    let (window, provider) = (call.window()?, call.query.identity_provider_id);
    let rows = call.read(move |conn, tenant| store::people::list(conn, tenant, provider, window.after(), window.fetch())).await?;
    call.page(window, rows, |row| row.id.uuid(), PersonView::from).await
}

/// Get a person
///
/// Who an actor `usr_…` of the evidence is.
#[utoipa::path(operation_id = "getPerson", tag = "Access", params(("person_id" = PersonId, Path, description = "The person")), responses((status = 200, description = "The person", body = PersonView)), security(("api_key" = ["identity:read"])))]
#[get("/v1/people/{person_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// No such thing.
pub(super) fn current(look: &mut Look<'_>) -> Result<PersonView> {
    let id = look.id("person_id")?;
    store::people::find(look.conn, look.tenant, id).map(PersonView::from)
}

/// Block a person
///
/// Their tokens stop working within five seconds, whatever their provider says. Doing it again changes nothing.
#[utoipa::path(operation_id = "blockPerson", tag = "Access", params(("person_id" = PersonId, Path, description = "The person")), responses((status = 200, description = "Kept out", body = PersonView)), security(("api_key" = ["identity:write"])))]
#[post("/v1/people/{person_id}/block")]
pub async fn block(call: Call) -> Answer {
    let id = call.id("person_id")?;
    call.act(StatusCode::OK, move |act| actions::people::block(act, id).map(PersonView::from)).await
}

/// Unblock a person
///
/// They may come again. Doing it again changes nothing.
#[utoipa::path(operation_id = "unblockPerson", tag = "Access", params(("person_id" = PersonId, Path, description = "The person")), responses((status = 200, description = "Let in", body = PersonView)), security(("api_key" = ["identity:write"])))]
#[post("/v1/people/{person_id}/unblock")]
pub async fn unblock(call: Call) -> Answer {
    let id = call.id("person_id")?;
    call.act(StatusCode::OK, move |act| actions::people::unblock(act, id).map(PersonView::from)).await
}

/// Forget a person
///
/// What their provider calls them is erased; what they did stays in the evidence, under an id that says nothing. Should they come again, they are somebody new, so block them at their provider first.
#[utoipa::path(operation_id = "forgetPerson", tag = "Access", params(("person_id" = PersonId, Path, description = "The person")), responses((status = 200, description = "Forgotten", body = PersonView)), security(("api_key" = ["identity:write"])))]
#[post("/v1/people/{person_id}/forget")]
pub async fn forget(call: Call) -> Answer {
    let id = call.id("person_id")?;
    call.act(StatusCode::OK, move |act| actions::people::forget(act, id).map(PersonView::from)).await
}
