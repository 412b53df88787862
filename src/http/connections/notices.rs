//! `/v1/connections/{connection_id}/notices`: what a connection was told, and what became of it.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    actions,
    domain::{
        connection::NoticeStatus,
        ids::{ConnectionId, NoticeId},
    },
    http::{
        Call,
        call::Answer,
        page::{Page, PageQuery},
        subject::Look,
    },
    store::{self, notices::Notice},
};

/// Something that a connection was told.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeView {
    /// Always `notice`.
    #[schema(max_length = 20, example = "notice")]
    pub object: &'static str,
    /// The notice's id.
    pub id: NoticeId,
    /// Who was told.
    pub connection_id: ConnectionId,
    /// What its system calls it: a copy of the same name is dropped.
    #[schema(max_length = 200, example = "evt_1PgafmB7WZ01zgkWFhTY3dsM")]
    pub key: String,
    /// What became of it.
    pub status: NoticeStatus,
    /// Why it was ignored, or could not be applied.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
    /// How often it was tried since it arrived or was replayed.
    #[schema(minimum = 0)]
    pub tries: i32,
    /// When it is tried again by itself.
    pub next_try_at: Option<DateTime<Utc>>,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// When it was applied or ignored.
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<Notice> for NoticeView {
    fn from(row: Notice) -> Self {
        Self {
            object: "notice",
            id: row.id,
            connection_id: row.connection_id,
            key: row.dedupe,
            status: row.status,
            reason: row.reason,
            tries: row.tried,
            next_try_at: row.next_at.map(|at| at.0),
            received_at: row.received_at.0,
            finished_at: row.finished_at.map(|at| at.0),
        }
    }
}

/// A notice, with the request that it came in.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeInFull {
    /// The notice.
    pub notice: NoticeView,
    /// The body as it arrived, kept for thirty days; absent for what its system was asked for.
    #[schema(max_length = 1_048_576)]
    pub body: Option<String>,
}

/// Which notices to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NoticeQuery {
    /// Only with this status.
    pub status: Option<NoticeStatus>,
}

/// List a connection's notices
///
/// The latest first. They are kept for thirty days.
#[utoipa::path(operation_id = "listNotices", tag = "Connections", params(("connection_id" = ConnectionId, Path, description = "The connection"), PageQuery, NoticeQuery), responses((status = 200, description = "A page", body = Page<NoticeView>)), security(("api_key" = ["imports:read"])))]
#[get("/v1/connections/{connection_id}/notices")]
pub async fn list(call: Call<(), NoticeQuery>) -> Answer {
    let (id, window, status) = (call.id("connection_id")?, call.window()?, call.query.status);
    let rows = call
        .read(move |conn, tenant| {
            let connection = store::connections::find(conn, tenant, id)?;
            store::notices::list(conn, tenant, connection.id, status, window.after(), window.fetch())
        })
        .await?;
    call.page(window, rows, |row| row.id.uuid(), NoticeView::from).await
}

/// Get a notice
///
/// With the request that it came in, as it arrived.
#[utoipa::path(operation_id = "getNotice", tag = "Connections", params(("connection_id" = ConnectionId, Path, description = "The connection"), ("notice_id" = NoticeId, Path, description = "The notice")), responses((status = 200, description = "The notice", body = NoticeInFull)), security(("api_key" = ["imports:read"])))]
#[get("/v1/connections/{connection_id}/notices/{notice_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(|look: &mut Look<'_>| {
        let row = store::notices::find(look.conn, look.tenant, look.id("connection_id")?, look.id("notice_id")?)?;
        let body = match row.body_id {
            Some(id) => store::notices::body(look.conn, look.tenant, id)?,
            None => None,
        };
        let body = body.map(|body| String::from_utf8_lossy(&body.body).into_owned());
        Ok(NoticeInFull { notice: row.into(), body })
    })
    .await
}

/// Replay a notice
///
/// It is applied again within moments, from what was kept of it: after a repair, or to be sure. What the ledger knows already stays as it is.
#[utoipa::path(operation_id = "replayNotice", tag = "Connections", params(("connection_id" = ConnectionId, Path, description = "The connection"), ("notice_id" = NoticeId, Path, description = "The notice")), responses((status = 202, description = "To be applied", body = NoticeView)), security(("api_key" = ["imports:write"])))]
#[post("/v1/connections/{connection_id}/notices/{notice_id}/replay")]
pub async fn replay(call: Call) -> Answer {
    let (connection, id) = (call.id("connection_id")?, call.id("notice_id")?);
    call.act(StatusCode::ACCEPTED, move |act| actions::notices::replay(act, connection, id).map(NoticeView::from)).await
}
