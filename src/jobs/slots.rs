//! What turns share: places at the database, and how many messages may be in hand.
//!
//! A turn has a place only while it works on its partition's rows, never while it waits for a provider; and whoever asked first is served first, so that no
//! partition waits for more than one piece of work of each other. Invariant: however slow the providers are, the places are free.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::dispatch::SLICE;
use crate::{
    actions::{self, Act},
    domain::ids::TenantId,
    error::Result,
    instance::Instance,
    store::Conn,
};

/// Transactions of turns at once.
const PLACES: usize = 4;
/// Messages taken up at once, their words with them: what they take of the memory.
const IN_HAND: usize = 10_000;

/// The places of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    places: Arc<Semaphore>,
    in_hand: Arc<Semaphore>,
}

/// Messages in hand, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct InHand(Option<OwnedSemaphorePermit>);

impl Default for Slots {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)), in_hand: Arc::new(Semaphore::new(IN_HAND)) }
    }
}

impl Slots {
    /// Does `work` in a transaction of the system, when it is its turn.
    pub async fn act<T, F>(&self, instance: &Instance, tenant: TenantId, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Act<'_>) -> Result<T> + Send + 'static,
    {
        self.act_for(instance, tenant, actions::SYSTEM, work).await
    }

    /// Does `work` in a transaction in the name of `actor`, when it is its turn.
    pub async fn act_for<T, F>(&self, instance: &Instance, tenant: TenantId, actor: &str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Act<'_>) -> Result<T> + Send + 'static,
    {
        let _place = self.place().await;
        actions::run(&instance.db, &instance.clock, tenant, actor, work).await
    }

    /// Looks, when it is its turn.
    pub async fn read<T, F>(&self, instance: &Instance, tenant: TenantId, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        let _place = self.place().await;
        instance.db.read(tenant, work).await
    }

    /// Room in hand for a slice of messages.
    pub async fn slice(&self) -> InHand {
        let room = u32::try_from(SLICE).unwrap_or(u32::MAX);
        InHand(Arc::clone(&self.in_hand).acquire_many_owned(room).await.ok())
    }

    /// Nobody closes it: there is always a place in the end.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}

impl InHand {
    /// Keeps room for so many, and gives back the rest.
    pub fn keep(mut self, count: usize) -> Self {
        Self(self.0.as_mut().and_then(|room| room.split(count)))
    }
}
