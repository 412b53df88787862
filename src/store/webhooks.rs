//! Endpoints that are told of events, and what each of them was told.
//!
//! Invariant: an event is one delivery to an endpoint, however often it is tried or asked for again.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{
    Conn, Json, Token, Ts,
    schema::{webhook_deliveries, webhook_endpoints},
};
use crate::{
    domain::{
        api_version::ApiVersion,
        event::EventType,
        ids::{EvidenceId, TenantId, WebhookDeliveryId, WebhookEndpointId},
        vault::{CannotOpen, Vault},
        webhook::{DeliveryState, EndpointState, Try},
    },
    error::{Error, Result},
    insert_all,
};

/// An endpoint's row.
#[derive(Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhook_endpoints, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct WebhookEndpoint {
    pub tenant_id: TenantId,
    pub id: WebhookEndpointId,
    pub url: String,
    pub description: Option<String>,
    pub event_types: Json<BTreeSet<EventType>>,
    pub state: EndpointState,
    pub disabled_because: Option<String>,
    pub secret: Vec<u8>,
    pub former_secret: Option<Vec<u8>>,
    pub former_until: Option<Ts>,
    /// The place in the journal up to which it was told.
    pub told: i64,
    pub failing_since: Option<Ts>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
    pub api_version: ApiVersion,
}

/// A URL may hold what its owner would rather not see in a log.
impl std::fmt::Debug for WebhookEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookEndpoint").field("id", &self.id).finish_non_exhaustive()
    }
}

impl WebhookEndpoint {
    /// The place that its sealed secrets are bound to.
    pub fn place(tenant: TenantId, id: WebhookEndpointId) -> String {
        format!("{}/webhook_endpoints/{id}", tenant.uuid())
    }

    /// Its secrets at `now`: the present one, and the former one while it is honoured.
    ///
    /// # Errors
    /// When they were not sealed for this endpoint, or by none of the vault's keys.
    pub fn secrets(&self, vault: &Vault, now: DateTime<Utc>) -> Result<(String, Option<String>), CannotOpen> {
        let place = Self::place(self.tenant_id, self.id);
        let open = |sealed: &Vec<u8>| String::from_utf8(vault.open(&place, sealed)?).map_err(|_| CannotOpen);
        let honoured = self.former_secret.as_ref().filter(|_| self.former_until.is_some_and(|until| until.0 > now));
        Ok((open(&self.secret)?, honoured.map(open).transpose()?))
    }

    /// Whether it wants to hear of such events.
    pub fn wants(&self, kind: EventType) -> bool {
        self.event_types.is_empty() || self.event_types.contains(&kind)
    }
}

/// A delivery's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhook_deliveries, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct WebhookDelivery {
    pub tenant_id: TenantId,
    pub id: WebhookDeliveryId,
    pub endpoint_id: WebhookEndpointId,
    pub entry_id: EvidenceId,
    pub event_type: EventType,
    pub state: DeliveryState,
    pub tries: Json<Vec<Try>>,
    /// Tries since it was last asked for.
    pub tried: i32,
    pub next_try_at: Option<Ts>,
    pub token: Option<Token>,
    pub created_at: Ts,
    pub finished_at: Option<Ts>,
}

/// Adds an endpoint.
pub fn insert(conn: &mut Conn, row: &WebhookEndpoint) -> Result<()> {
    diesel::insert_into(webhook_endpoints::table).values(row).execute(conn)?;
    Ok(())
}

/// Replaces an endpoint's row.
pub fn update(conn: &mut Conn, row: &WebhookEndpoint) -> Result<()> {
    let here = webhook_endpoints::tenant_id.eq(row.tenant_id).and(webhook_endpoints::id.eq(row.id));
    diesel::update(webhook_endpoints::table.filter(here)).set(row).execute(conn)?;
    Ok(())
}

/// One endpoint.
pub fn find(conn: &mut Conn, tenant: TenantId, id: WebhookEndpointId) -> Result<WebhookEndpoint> {
    webhook_endpoints::table
        .filter(webhook_endpoints::tenant_id.eq(tenant).and(webhook_endpoints::id.eq(id)))
        .select(WebhookEndpoint::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("webhook endpoint"))
}

/// One endpoint, held until the transaction's end.
pub fn lock(conn: &mut Conn, tenant: TenantId, id: WebhookEndpointId) -> Result<WebhookEndpoint> {
    let query = webhook_endpoints::table.filter(webhook_endpoints::tenant_id.eq(tenant).and(webhook_endpoints::id.eq(id)));
    let row: Option<WebhookEndpoint> = match conn {
        Conn::Pg(pg) => query.for_no_key_update().first(pg).optional()?,
        Conn::Sqlite(sqlite) => query.first(sqlite).optional()?,
    };
    row.ok_or(Error::NotFound("webhook endpoint"))
}

/// Takes an endpoint away, and what it was told.
pub fn delete(conn: &mut Conn, tenant: TenantId, id: WebhookEndpointId) -> Result<()> {
    let told = webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::endpoint_id.eq(id));
    diesel::delete(webhook_deliveries::table.filter(told)).execute(conn)?;
    let here = webhook_endpoints::tenant_id.eq(tenant).and(webhook_endpoints::id.eq(id));
    diesel::delete(webhook_endpoints::table.filter(here)).execute(conn)?;
    Ok(())
}

/// Endpoints after `after`, oldest first.
pub fn list(conn: &mut Conn, tenant: TenantId, after: Option<WebhookEndpointId>, limit: i64) -> Result<Vec<WebhookEndpoint>> {
    let mut query = webhook_endpoints::table
        .filter(webhook_endpoints::tenant_id.eq(tenant))
        .select(WebhookEndpoint::as_select())
        .order(webhook_endpoints::id.asc())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(webhook_endpoints::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// The endpoints that are to be told.
pub fn active(conn: &mut Conn, tenant: TenantId) -> Result<Vec<WebhookEndpoint>> {
    Ok(webhook_endpoints::table
        .filter(webhook_endpoints::tenant_id.eq(tenant).and(webhook_endpoints::state.eq(EndpointState::Active)))
        .order(webhook_endpoints::id.asc())
        .select(WebhookEndpoint::as_select())
        .load(conn)?)
}

/// How many endpoints there are.
pub fn count(conn: &mut Conn, tenant: TenantId) -> Result<i64> {
    Ok(webhook_endpoints::table.filter(webhook_endpoints::tenant_id.eq(tenant)).count().get_result(conn)?)
}

/// The place up to which the endpoint that was told least was told; `None` without active endpoints.
pub fn told(conn: &mut Conn, tenant: TenantId) -> Result<Option<i64>> {
    Ok(webhook_endpoints::table
        .filter(webhook_endpoints::tenant_id.eq(tenant).and(webhook_endpoints::state.eq(EndpointState::Active)))
        .select(diesel::dsl::min(webhook_endpoints::told))
        .first(conn)?)
}

/// Adds deliveries.
pub fn insert_deliveries(conn: &mut Conn, rows: &[WebhookDelivery]) -> Result<()> {
    insert_all!(conn, rows, WebhookDelivery in webhook_deliveries {
        tenant_id, id, endpoint_id, entry_id, event_type, state, tries, tried, next_try_at, token, created_at, finished_at,
    });
    Ok(())
}

/// Takes up to `limit` deliveries that are to be tried now, and sets them aside until `lease` under `token`: nobody else tries meanwhile, and if this one is lost, somebody will.
pub fn claim(
    conn: &mut Conn,
    tenant: TenantId,
    now: DateTime<Utc>,
    lease: DateTime<Utc>,
    token: Token,
    limit: i64,
) -> Result<Vec<WebhookDelivery>> {
    let query = webhook_deliveries::table
        .filter(webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::state.eq(DeliveryState::Pending)))
        .filter(webhook_deliveries::next_try_at.le(Some(Ts(now))))
        .order(webhook_deliveries::next_try_at.asc())
        .limit(limit);
    let rows: Vec<WebhookDelivery> = match conn {
        Conn::Pg(pg) => query.for_update().skip_locked().load(pg)?,
        Conn::Sqlite(sqlite) => query.load(sqlite)?,
    };
    let ids: Vec<WebhookDeliveryId> = rows.iter().map(|row| row.id).collect();
    diesel::update(webhook_deliveries::table.filter(webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::id.eq_any(ids))))
        .set((webhook_deliveries::next_try_at.eq(Some(Ts(lease))), webhook_deliveries::token.eq(Some(token))))
        .execute(conn)?;
    Ok(rows)
}

/// Writes what became of a try, if it is still this token's to write.
pub fn tried(conn: &mut Conn, token: Token, row: &WebhookDelivery) -> Result<bool> {
    let here = webhook_deliveries::tenant_id.eq(row.tenant_id).and(webhook_deliveries::id.eq(row.id));
    let written = diesel::update(webhook_deliveries::table.filter(here).filter(webhook_deliveries::token.eq(Some(token))))
        .set((
            webhook_deliveries::state.eq(row.state),
            webhook_deliveries::tries.eq(&row.tries),
            webhook_deliveries::tried.eq(row.tried),
            webhook_deliveries::next_try_at.eq(row.next_try_at),
            webhook_deliveries::token.eq(None::<Token>),
            webhook_deliveries::finished_at.eq(row.finished_at),
        ))
        .execute(conn)?;
    Ok(written == 1)
}

/// Replaces a delivery's row.
pub fn update_delivery(conn: &mut Conn, row: &WebhookDelivery) -> Result<()> {
    let here = webhook_deliveries::tenant_id.eq(row.tenant_id).and(webhook_deliveries::id.eq(row.id));
    diesel::update(webhook_deliveries::table.filter(here)).set(row).execute(conn)?;
    Ok(())
}

/// Gives up what an endpoint was still to be told.
pub fn give_up(conn: &mut Conn, tenant: TenantId, endpoint: WebhookEndpointId, at: DateTime<Utc>) -> Result<()> {
    let of_endpoint = webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::endpoint_id.eq(endpoint));
    diesel::update(webhook_deliveries::table.filter(of_endpoint).filter(webhook_deliveries::state.eq(DeliveryState::Pending)))
        .set((
            webhook_deliveries::state.eq(DeliveryState::Failed),
            webhook_deliveries::next_try_at.eq(None::<Ts>),
            webhook_deliveries::token.eq(None::<Token>),
            webhook_deliveries::finished_at.eq(Some(Ts(at))),
        ))
        .execute(conn)?;
    Ok(())
}

/// One delivery.
pub fn find_delivery(conn: &mut Conn, tenant: TenantId, id: WebhookDeliveryId) -> Result<WebhookDelivery> {
    webhook_deliveries::table
        .filter(webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::id.eq(id)))
        .select(WebhookDelivery::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("webhook delivery"))
}

/// What an endpoint was told of these entries.
pub fn of_entries(conn: &mut Conn, tenant: TenantId, endpoint: WebhookEndpointId, entries: &[EvidenceId]) -> Result<Vec<WebhookDelivery>> {
    let of_endpoint = webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::endpoint_id.eq(endpoint));
    Ok(webhook_deliveries::table
        .filter(of_endpoint)
        .filter(webhook_deliveries::entry_id.eq_any(entries.to_vec()))
        .select(WebhookDelivery::as_select())
        .load(conn)?)
}

/// An endpoint's deliveries after `after`, newest first.
pub fn deliveries(
    conn: &mut Conn,
    tenant: TenantId,
    endpoint: WebhookEndpointId,
    state: Option<DeliveryState>,
    after: Option<WebhookDeliveryId>,
    limit: i64,
) -> Result<Vec<WebhookDelivery>> {
    let mut query = webhook_deliveries::table
        .filter(webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::endpoint_id.eq(endpoint)))
        .select(WebhookDelivery::as_select())
        .order(webhook_deliveries::id.desc())
        .into_boxed();
    if let Some(state) = state {
        query = query.filter(webhook_deliveries::state.eq(state));
    }
    if let Some(after) = after {
        query = query.filter(webhook_deliveries::id.lt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// Forgets what ended before `before`; returns how much that was.
pub fn forget(conn: &mut Conn, tenant: TenantId, endpoint: WebhookEndpointId, before: WebhookDeliveryId) -> Result<usize> {
    let of_endpoint = webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::endpoint_id.eq(endpoint));
    let old = of_endpoint.and(webhook_deliveries::id.lt(before)).and(webhook_deliveries::state.ne(DeliveryState::Pending));
    Ok(diesel::delete(webhook_deliveries::table.filter(old)).execute(conn)?)
}

/// When the next delivery is to be tried.
pub fn next_due(conn: &mut Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    let at: Option<Option<Ts>> = webhook_deliveries::table
        .filter(webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::state.eq(DeliveryState::Pending)))
        .order(webhook_deliveries::next_try_at.asc())
        .select(webhook_deliveries::next_try_at)
        .first(conn)
        .optional()?;
    Ok(at.flatten().map(|at| at.0))
}
