//! Connections: what accounting software told is looked up where it was only named, and applied; what tells nobody is asked.
//!
//! Everything here goes by the wall clock: a rehearsal's clock moves no accounting software. Invariant: the system is asked between two transactions, and what was kept is applied once, however often
//! this is killed.

use chrono::{DateTime, TimeDelta, Utc};

use super::{partition::Turn, slots::Slots};
use crate::{
    actions::{
        self,
        connections::Polled,
        notices::{Failure, Found, Item, Work},
    },
    domain::{connection::ConnectionCredentials, ids::TenantId},
    error::{Error, Result},
    instance::Instance,
    outbound::{
        Inbound,
        connectors::{Ask, Changes, Connector, Entity, Snapshot, Step, Told, Trouble, What},
        net,
    },
    store::{self, Conn, connections::Connection},
};

/// Things in one turn of a partition.
const SLICE: i64 = 20;
/// Requests made for one thing.
const MOST_ASKED: usize = 5;
/// How long a thing, or a renewal, is left to whoever took it up.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// The longest answer of a system: a page of a hundred invoices.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// Applies what is due, and asks who is to be asked.
///
/// # Errors
/// The store's; one system's trouble is its own.
pub async fn turn(instance: &Instance, tenant: TenantId) -> Result<Turn> {
    whole(instance, &Slots::default(), tenant).await
}

/// [`turn`], sharing the worker's places.
pub(super) async fn whole(instance: &Instance, slots: &Slots, tenant: TenantId) -> Result<Turn> {
    let wall = instance.clock.now();
    let look = move |conn: &mut Conn| {
        let next = [store::notices::next_due(conn, tenant)?, store::connections::next_poll(conn, tenant)?].into_iter().flatten().min();
        Ok((next, actions::notices::has_old(conn, tenant, wall)?))
    };
    let (next, old) = slots.read(instance, tenant, look).await?;
    if old {
        slots.act(instance, tenant, actions::notices::sweep).await?;
    }
    if next.is_none_or(|next| next > wall) {
        return Ok(if old { Turn::Busy } else { Turn::Idle(next) });
    }
    for work in slots.act(instance, tenant, |act| actions::notices::claim(act, LEASE, SLICE)).await? {
        apply(instance, slots, tenant, work).await?;
    }
    if let Some(connection) = slots.act(instance, tenant, |act| actions::connections::claim_poll(act, LEASE)).await? {
        poll(instance, slots, tenant, connection).await?;
    }
    Ok(Turn::Busy)
}

/// What can be told of a call that did not bring what was asked for.
struct Unmet {
    reason: String,
    again: bool,
    not_before: Option<DateTime<Utc>>,
    gone: bool,
    expired: bool,
}

impl Unmet {
    fn new(reason: impl Into<String>, again: bool) -> Self {
        Self { reason: reason.into(), again, not_before: None, gone: false, expired: false }
    }
}

/// A thing, and what it comes to.
async fn apply(instance: &Instance, slots: &Slots, tenant: TenantId, work: Work) -> Result<()> {
    let failure = match look_up(instance, slots, tenant, &work).await? {
        Ok(found) => {
            let (mine, actor) = (work.clone(), format!("connection:{}", work.connection.id));
            let applied = slots.act_for(instance, tenant, &actor, move |act| actions::notices::apply(act, &mine, &found)).await;
            match applied {
                Ok(()) => return Ok(()),
                Err(error) => {
                    if matches!(error, Error::Internal(_)) {
                        tracing::error!(%tenant, notice = %work.notice.id, %error, "a notice could not be applied");
                    }
                    Failure { reason: actions::notices::refusal(error)?, again: true, not_before: None }
                }
            }
        }
        Err(unmet) => Failure { reason: unmet.reason, again: unmet.again, not_before: unmet.not_before },
    };
    slots.act(instance, tenant, move |act| actions::notices::failed(act, &work, &failure)).await
}

async fn look_up(instance: &Instance, slots: &Slots, tenant: TenantId, work: &Work) -> Result<std::result::Result<Found, Unmet>> {
    let mut line = match Line::open(instance, slots, tenant, work.connection.clone()) {
        Ok(line) => line,
        Err(unmet) => return Ok(Err(unmet)),
    };
    let what = match said(line.connector.as_ref(), work) {
        Ok(what) => what,
        Err(reason) => return Ok(Err(Unmet::new(reason, false))),
    };
    Ok(match what {
        What::Whole(snapshot) => Ok(Found::Whole(vec![(snapshot.external_id, snapshot.document)])),
        What::Deleted(gone) => Ok(Found::Deleted(gone.kind, gone.external_id)),
        What::Nothing(why) => Ok(Found::Nothing(why)),
        What::Changed(entity) => line.fetch(&entity).await?,
    })
}

/// What a thing says: as it was read when it arrived, or read again.
fn said(connector: &dyn Connector, work: &Work) -> std::result::Result<What, String> {
    if let Some(told) = &work.notice.told {
        return serde_json::from_value(told.0.clone()).map_err(|_| "what was kept of it cannot be read any more".to_owned());
    }
    let body = work.body.as_ref().ok_or("nothing is kept of it any more")?;
    let inbound = Inbound { method: "POST".to_owned(), url: String::new(), headers: body.headers.0.clone(), body: body.body.clone() };
    let told = connector.read(&inbound).map_err(|error| error.to_string())?;
    // It could not be read when it arrived, so that all of it is this one notice.
    match told.as_slice() {
        [] => Ok(What::Nothing("it says nothing".to_owned())),
        [one] => Ok(one.what.clone()),
        _ => Err("it says several things now; have its system send it again".to_owned()),
    }
}

async fn poll(instance: &Instance, slots: &Slots, tenant: TenantId, connection: Connection) -> Result<()> {
    let id = connection.id;
    let polled = match Line::open(instance, slots, tenant, connection) {
        Ok(mut line) => match line.changes().await? {
            Ok(polled) => polled,
            Err(unmet) => Polled::Failed { reason: unmet.reason, not_before: unmet.not_before },
        },
        Err(unmet) => Polled::Failed { reason: unmet.reason, not_before: None },
    };
    slots.act(instance, tenant, move |act| actions::connections::polled(act, id, &polled)).await
}

/// What a thing is kept as.
pub(super) fn item(told: Told) -> Item {
    Item { dedupe: told.key, told: serde_json::to_value(&told.what).ok(), reason: None }
}

/// A line to one system.
struct Line<'a> {
    instance: &'a Instance,
    slots: &'a Slots,
    tenant: TenantId,
    connection: Connection,
    connector: Box<dyn Connector>,
    renewed: bool,
}

impl<'a> Line<'a> {
    fn open(instance: &'a Instance, slots: &'a Slots, tenant: TenantId, connection: Connection) -> std::result::Result<Self, Unmet> {
        let connector = instance.connector(&connection).map_err(|faults| Unmet::new(faults.to_string(), false))?;
        Ok(Self { instance, slots, tenant, connection, connector, renewed: false })
    }

    async fn fetch(&mut self, entity: &Entity) -> Result<std::result::Result<Found, Unmet>> {
        let mut answers = Vec::new();
        for _ in 0..=MOST_ASKED {
            let step = match self.connector.fetch(entity, &answers) {
                Ok(step) => step,
                Err(error) => return Ok(Err(Unmet::new(error.to_string(), false))),
            };
            let ask = match step {
                Step::Ask(ask) => ask,
                Step::Whole(documents) => {
                    return Ok(Ok(Found::Whole(
                        documents.into_iter().map(|Snapshot { external_id, document }| (external_id, document)).collect(),
                    )));
                }
                Step::Deleted(gone) => return Ok(Ok(Found::Deleted(gone.kind, gone.external_id))),
                Step::Nothing(why) => return Ok(Ok(Found::Nothing(why))),
                Step::Others(entities) => return Ok(Ok(Found::Others(entities.into_iter().map(|one| self.other(one)).collect()))),
            };
            match self.call(ask).await? {
                Ok(body) => answers.push(body),
                // Asked again with the new token.
                Err(unmet) if unmet.expired && self.renewed => {}
                Err(unmet) if unmet.gone => return Ok(Ok(Found::Nothing("its system has no such thing any more".to_owned()))),
                Err(unmet) => return Ok(Err(unmet)),
            }
        }
        Ok(Err(Unmet::new("too many requests would be needed for it", false)))
    }

    /// A thing that another one leads to. What it is about may change again: its name carries the moment.
    fn other(&self, entity: Entity) -> Item {
        let key = format!("{}:{}:{}", entity.kind, entity.id, self.instance.clock.now().timestamp_micros());
        item(Told { key, what: What::Changed(entity) })
    }

    async fn changes(&mut self) -> Result<std::result::Result<Polled, Unmet>> {
        let mut answers = Vec::new();
        for _ in 0..=MOST_ASKED {
            let step = match self.connector.changes(self.connection.place.as_deref(), &answers, self.instance.clock.now()) {
                Ok(step) => step,
                Err(error) => return Ok(Err(Unmet::new(error.to_string(), true))),
            };
            let ask = match step {
                Changes::Ask(ask) => ask,
                Changes::Found { told, cursor, more } => {
                    return Ok(Ok(Polled::Found { items: told.into_iter().map(item).collect(), place: cursor, more }));
                }
            };
            match self.call(ask).await? {
                Ok(body) => answers.push(body),
                Err(unmet) if unmet.expired && self.renewed => {}
                Err(unmet) => return Ok(Err(unmet)),
            }
        }
        Ok(Err(Unmet::new("too many requests would be needed for it", true)))
    }

    /// One request. If the token is not good it is renewed once, and the caller words the request anew.
    async fn call(&mut self, ask: Ask) -> Result<std::result::Result<Vec<u8>, Unmet>> {
        let credentials = self.credentials();
        if !self.renewed && self.connector.renewal().is_some() && credentials.is_some_and(|known| known.is_stale(self.instance.clock.now()))
        {
            return self.renew().await;
        }
        let unmet = match self.send(ask).await {
            Ok(body) => return Ok(Ok(body)),
            Err(unmet) => unmet,
        };
        if unmet.expired && !self.renewed && self.connector.renewal().is_some() {
            return self.renew().await;
        }
        Ok(Err(Unmet { expired: false, ..unmet }))
    }

    fn credentials(&self) -> Option<ConnectionCredentials> {
        self.connection.open_credentials(&self.instance.vault).ok()
    }

    /// Has the access token renewed, and seals what came of it before anything is asked with it. Ends in `expired`, so that the caller asks again, or in what went wrong.
    async fn renew(&mut self) -> Result<std::result::Result<Vec<u8>, Unmet>> {
        let id = self.connection.id;
        let begun = self.slots.act(self.instance, self.tenant, move |act| actions::connections::begin_renewal(act, id, LEASE)).await?;
        let Some(current) = begun else { return Ok(Err(Unmet::new("its access token is being renewed", true))) };
        self.renewed = true;
        let changed = current.credentials != self.connection.credentials;
        if let Err(unmet) = self.take(current) {
            return Ok(Err(unmet));
        }
        // Somebody else renewed it while this was on its way.
        let fresh = changed && self.credentials().is_some_and(|known| !known.is_stale(self.instance.clock.now()));
        let renewed = match self.connector.renewal().filter(|_| !fresh) {
            Some(ask) => match self.send(ask).await {
                Ok(body) => self.connector.renewed(&body, self.instance.clock.now()).map_err(|error| error.to_string()),
                Err(unmet) => Err(format!("the access token could not be renewed: {}", unmet.reason)),
            },
            None => self.credentials().ok_or_else(|| "the credentials cannot be opened; enter them again".to_owned()),
        };
        let (vault, kept) = (std::sync::Arc::clone(&self.instance.vault), renewed.clone());
        let row = self.slots.act(self.instance, self.tenant, move |act| actions::connections::end_renewal(act, &vault, id, &kept)).await?;
        if let Err(reason) = renewed {
            return Ok(Err(Unmet::new(reason, true)));
        }
        Ok(Err(self.take(row).err().unwrap_or_else(|| Unmet { expired: true, ..Unmet::new("", true) })))
    }

    /// Goes on with the connection as it is now.
    fn take(&mut self, row: Connection) -> std::result::Result<(), Unmet> {
        self.connector = self.instance.connector(&row).map_err(|faults| Unmet::new(faults.to_string(), false))?;
        self.connection = row;
        Ok(())
    }

    async fn send(&self, ask: Ask) -> std::result::Result<Vec<u8>, Unmet> {
        let now = self.instance.clock.now();
        let request =
            self.instance.net.request(ask.method, self.tenant.mode(), &ask.url).map_err(|why| Unmet::new(why.to_string(), false))?;
        let request = ask.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = match ask.body {
            Some(body) => request.body(body),
            None => request,
        };
        let answer = match self.instance.net.call_for(request, now, MAX_ANSWER).await {
            Ok(answer) => answer,
            Err(net::Failure::NotSent(why) | net::Failure::Lost(why)) => return Err(Unmet::new(why, true)),
        };
        if (200..300).contains(&answer.status) {
            return answer.body.ok_or_else(|| Unmet::new("the answer broke off, or is too long", true));
        }
        Err(match self.connector.trouble(&answer) {
            Trouble::Expired => Unmet { expired: true, ..Unmet::new("the access token is refused; enter new credentials", false) },
            Trouble::Gone => Unmet { gone: true, ..Unmet::new("its system has no such thing", false) },
            Trouble::Refused(why) => Unmet::new(why, false),
            Trouble::Later(why, pause) => {
                let until = pause.and_then(|pause| TimeDelta::from_std(pause).ok()).map(|pause| now + pause);
                Unmet { not_before: until, ..Unmet::new(why, true) }
            }
        })
    }
}
