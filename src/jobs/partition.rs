//! One partition's turn: send what is prepared and what falls due, apply what was reported.

use chrono::{DateTime, Utc};

use super::{clock, dispatch, lookups, proofs, solvency};
use crate::{
    actions,
    domain::{
        delivery::EvidenceGrade,
        ids::{Mode, TenantId},
    },
    error::Result,
    instance::Instance,
    outbound::registry::{self, ProviderKind},
    store::{self, provider_accounts::ProviderAccount},
};

/// Statements applied in one transaction.
const RECEIPTS: i64 = 500;

/// How a turn went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There was something to do, and there may be more.
    Busy,
    /// Nothing to do before this moment, as far as is known.
    Idle(Option<DateTime<Utc>>),
}

/// Does one slice of each kind of work, at the partition's present. A test partition whose clock is to advance goes on to the next moment
/// when this one has nothing left.
///
/// # Errors
/// The store's; whatever was committed before stands.
pub async fn turn(instance: &Instance, tenant: TenantId) -> Result<Turn> {
    let wall = instance.clock.now();
    let agenda = instance.db.read(tenant, move |conn| Agenda::read(conn, tenant, wall)).await?;
    if !agenda.is_due() {
        let advanced = tenant.mode() == Mode::Test && clock::step(instance, tenant).await?;
        return Ok(if advanced { Turn::Busy } else { Turn::Idle(agenda.next) });
    }
    let system = actions::SYSTEM;
    dispatch::batch(instance, tenant).await?;
    if agenda.asks {
        solvency::batch(instance, tenant).await?;
    }
    if agenda.doubts {
        lookups::batch(instance, tenant).await?;
    }
    if agenda.orphaned {
        dispatch::recover(instance, tenant).await?;
    }
    if agenda.proofs {
        proofs::batch(instance, tenant).await?;
    }
    let grade = move |account: &ProviderAccount| most_proved(tenant.mode(), account);
    actions::run(&instance.db, &instance.clock, tenant, system, move |act| actions::receipts::apply_due(act, grade, RECEIPTS)).await?;
    Ok(Turn::Busy)
}

/// The most that an account's receipts prove. The rehearsal's accounts are all the sandbox, whatever their kind.
fn most_proved(mode: Mode, account: &ProviderAccount) -> EvidenceGrade {
    match mode {
        Mode::Test => registry::capabilities(ProviderKind::Sandbox).grade,
        Mode::Live => account.kind.parse().map_or(EvidenceGrade::ProviderAccepted, |kind| registry::capabilities(kind).grade),
    }
}

/// What a look without any lock finds: most turns of most partitions end with it.
struct Agenda {
    now: DateTime<Utc>,
    next: Option<DateTime<Utc>>,
    orphaned: bool,
    asks: bool,
    doubts: bool,
    proofs: bool,
}

impl Agenda {
    fn read(conn: &mut store::Conn, tenant: TenantId, wall: DateTime<Utc>) -> Result<Self> {
        let now = actions::present(conn, tenant, wall)?;
        let orphaned = store::messages::any_orphans(conn, tenant)?;
        let asks = store::solvency::next_due(conn, tenant)?.is_some_and(|at| at <= now);
        let doubts = store::lookups::next_due(conn, tenant)?.is_some_and(|at| at <= now);
        let proofs = store::proof_calls::next_due(conn, tenant)?.is_some_and(|at| at <= now);
        Ok(Self { now, next: next_moment(conn, tenant)?, orphaned, asks, doubts, proofs })
    }

    fn is_due(&self) -> bool {
        self.orphaned || self.next.is_some_and(|next| next <= self.now)
    }
}

/// The earliest moment at which anything of the partition falls due.
pub(super) fn next_moment(conn: &mut store::Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    let moments = [
        store::accounts::next_due(conn, tenant)?,
        store::messages::next_due(conn, tenant)?,
        store::receipts::next_due(conn, tenant)?,
        store::solvency::next_due(conn, tenant)?,
        store::lookups::next_due(conn, tenant)?,
        store::proof_calls::next_due(conn, tenant)?,
    ];
    Ok(moments.into_iter().flatten().min())
}
