//! Connections to accounting software: made, changed, given another address; and what becomes of their tokens and of the asking.
//!
//! What a system needs is checked before, where systems are known. Invariant: credentials enter the store sealed for just this connection, and none of them enters the journal; a new
//! token to renew with is sealed and committed before anything is done with its access token.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{
    Act,
    notices::{self, Item},
};
use crate::{
    domain::{
        connection::{ConnectionChange, ConnectionCredentials, ConnectionState, NewConnection},
        ids::ConnectionId,
        key::{NewToken, Purpose},
        vault::Vault,
    },
    error::{Error, Result},
    store::{self, Json, Ts, connections::Connection},
};

/// How many connections a tenant may have.
const MAX_CONNECTIONS: i64 = 50;
/// For how long a former address is honoured.
const FORMER_ADDRESS: TimeDelta = TimeDelta::days(7);
/// How often a system that tells nobody is asked.
const POLL: TimeDelta = TimeDelta::minutes(5);

/// Makes a connection, and its inbound address. `polls`: its system must be asked.
///
/// # Errors
/// Too many connections; `source_taken`.
pub fn create(act: &mut Act<'_>, vault: &Vault, new: &NewConnection, polls: bool) -> Result<Connection> {
    if store::connections::count(act.conn, act.tenant)? >= MAX_CONNECTIONS {
        return Err(Error::conflict("limit_reached", format!("a tenant can have {MAX_CONNECTIONS} connections; change one")));
    }
    if store::connections::has_source(act.conn, act.tenant, &new.source)? {
        let detail = format!("another connection has the source {:?}; its invoices would be taken for this one's", new.source);
        return Err(Error::conflict("source_taken", detail));
    }
    let id = ConnectionId::new(act.wall);
    let (inbound_digest, inbound_token) = address(act, vault, id)?;
    let row = Connection {
        tenant_id: act.tenant,
        id,
        system: new.system,
        source: new.source.clone(),
        name: new.name.clone(),
        state: ConnectionState::Active,
        settings: Json(new.settings.clone()),
        credentials: seal(act, vault, id, &new.credentials)?,
        inbound_digest,
        inbound_token,
        former_inbound_digest: None,
        former_inbound_until: None,
        place: None,
        poll_at: polls.then_some(Ts(act.wall)),
        renewing_until: None,
        last_error: None,
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
    };
    store::connections::insert(act.conn, &row)?;
    act.audit("connection.created", id, json!({"system": row.system, "source": row.source}));
    Ok(row)
}

/// Changes a connection.
///
/// # Errors
/// The store's.
pub fn change(act: &mut Act<'_>, vault: &Vault, old: Connection, change: &ConnectionChange) -> Result<Connection> {
    let fields: Vec<&str> = [
        ("name", change.name.is_some()),
        ("settings", change.settings.is_some()),
        ("credentials", change.credentials.is_some()),
        ("state", change.state.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, given)| given.then_some(name))
    .collect();
    let credentials = change.credentials.as_ref().map(|plain| seal(act, vault, old.id, plain)).transpose()?;
    let row = Connection {
        name: change.name.clone().unwrap_or(old.name),
        settings: change.settings.clone().map_or(old.settings, Json),
        last_error: old.last_error.filter(|_| credentials.is_none() && change.settings.is_none()),
        credentials: credentials.unwrap_or(old.credentials),
        state: change.state.unwrap_or(old.state),
        ..old
    };
    let row = save(act, row)?;
    act.audit("connection.changed", row.id, json!({ "fields": fields }));
    Ok(row)
}

/// Gives a connection another inbound address; the former one is honoured for a week.
///
/// # Errors
/// No such connection.
pub fn rotate_url(act: &mut Act<'_>, vault: &Vault, id: ConnectionId) -> Result<Connection> {
    let old = store::connections::lock(act.conn, act.tenant, id)?;
    let (inbound_digest, inbound_token) = address(act, vault, id)?;
    let row = Connection {
        former_inbound_digest: Some(old.inbound_digest.clone()),
        former_inbound_until: Some(Ts(act.wall + FORMER_ADDRESS)),
        inbound_digest,
        inbound_token,
        ..old
    };
    let row = save(act, row)?;
    act.audit("connection.url_rotated", id, json!({"former_until": row.former_inbound_until.map(|at| at.0)}));
    Ok(row)
}

/// Leaves the renewing of a connection's token to the caller until `lease`; `None` if somebody else is at it.
///
/// # Errors
/// No such connection.
pub fn begin_renewal(act: &mut Act<'_>, id: ConnectionId, lease: TimeDelta) -> Result<Option<Connection>> {
    let row = store::connections::lock(act.conn, act.tenant, id)?;
    if row.renewing_until.is_some_and(|until| until.0 > act.wall) {
        return Ok(None);
    }
    let row = Connection { renewing_until: Some(Ts(act.wall + lease)), ..row };
    store::connections::update(act.conn, &row)?;
    Ok(Some(row))
}

/// Seals what a renewal brought, or notes why it failed.
///
/// # Errors
/// No such connection.
pub fn end_renewal(
    act: &mut Act<'_>,
    vault: &Vault,
    id: ConnectionId,
    renewed: &std::result::Result<ConnectionCredentials, String>,
) -> Result<Connection> {
    let row = store::connections::lock(act.conn, act.tenant, id)?;
    let row = match renewed {
        Ok(credentials) => Connection { credentials: seal(act, vault, id, credentials)?, renewing_until: None, last_error: None, ..row },
        Err(why) => Connection { renewing_until: None, last_error: Some(why.clone()), ..row },
    };
    store::connections::update(act.conn, &row)?;
    Ok(row)
}

/// Takes one connection whose system is to be asked now, for as long as `lease`.
///
/// # Errors
/// The store's.
pub fn claim_poll(act: &mut Act<'_>, lease: TimeDelta) -> Result<Option<Connection>> {
    store::connections::claim_poll(act.conn, act.tenant, act.wall, act.wall + lease)
}

/// What asking a system brought.
#[derive(Debug, Clone)]
pub enum Polled {
    /// What changed, up to where, and whether there is more at once.
    Found {
        /// In the order of the changes.
        items: Vec<Item>,
        /// From where to go on.
        place: String,
        /// Whether there is more at once.
        more: bool,
    },
    /// Nothing could be had.
    Failed {
        /// Why.
        reason: String,
        /// Not before then.
        not_before: Option<DateTime<Utc>>,
    },
}

/// Keeps what a system told when it was asked, and from where to go on.
///
/// # Errors
/// No such connection.
pub fn polled(act: &mut Act<'_>, id: ConnectionId, polled: &Polled) -> Result<()> {
    let row = store::connections::lock(act.conn, act.tenant, id)?;
    let next = act.wall + POLL;
    let row = match polled {
        Polled::Found { items, place, more } => {
            notices::add(act, id, None, items)?;
            let poll_at = Some(Ts(if *more { act.wall } else { next }));
            Connection { place: Some(place.clone()), poll_at, last_error: None, ..row }
        }
        Polled::Failed { reason, not_before } => {
            let poll_at = Some(Ts(not_before.map_or(next, |at| at.max(next))));
            Connection { poll_at, last_error: Some(reason.clone()), ..row }
        }
    };
    store::connections::update(act.conn, &row)
}

fn address(act: &Act<'_>, vault: &Vault, id: ConnectionId) -> Result<(Vec<u8>, Vec<u8>)> {
    let new = NewToken::generate(Purpose::Inbound, act.tenant).map_err(Error::internal)?;
    let sealed = vault.seal(&Connection::inbound_place(act.tenant, id), new.reveal().as_bytes()).map_err(Error::internal)?;
    Ok((new.token.digest.to_vec(), sealed))
}

fn seal(act: &Act<'_>, vault: &Vault, id: ConnectionId, credentials: &ConnectionCredentials) -> Result<Vec<u8>> {
    let plain = serde_json::to_vec(credentials).map_err(|_| Error::internal("credentials cannot be written"))?;
    vault.seal(&Connection::place_of(act.tenant, id), &plain).map_err(Error::internal)
}

fn save(act: &mut Act<'_>, row: Connection) -> Result<Connection> {
    let row = Connection { version: row.version.saturating_add(1), updated_at: Ts(act.wall), ..row };
    store::connections::update(act.conn, &row)?;
    Ok(row)
}
