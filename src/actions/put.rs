//! Recording what another system knows: new, changed or just as it was; one thing or a thousand, each on its own.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Act;
use crate::{
    domain::{external::ExternalKey, ids::CustomerId, invalid::Faults},
    error::{Error, Result},
    store,
};

/// What to do with something that is recorded already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfKnown {
    /// Say so.
    Refuse,
    /// Bring it up to date.
    Update,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was new.
    Created,
    /// It was known, and something changed.
    Changed,
    /// It was known, just so.
    Unchanged,
}

/// A thing as it is now, and what was done.
#[derive(Debug, Clone)]
pub struct Put<T> {
    /// The thing.
    pub row: T,
    /// What was done.
    pub outcome: Outcome,
}

/// Does `work` for each item on its own: what is wrong with an item ends in its place, what is wrong with us ends everything.
///
/// `work` finds every fault before it writes, so that a refused item leaves nothing behind.
///
/// # Errors
/// The store's.
pub fn one_by_one<I, T>(items: impl IntoIterator<Item = I>, mut work: impl FnMut(I) -> Result<T>) -> Result<Vec<Result<T>>> {
    let mut outcomes = Vec::new();
    for item in items {
        match work(item) {
            Err(error @ (Error::Busy { .. } | Error::Race | Error::Internal(_))) => return Err(error),
            outcome => outcomes.push(outcome),
        }
    }
    Ok(outcomes)
}

/// The only outcome of a list of one.
///
/// # Errors
/// The outcome's own.
pub fn only<T>(outcomes: Vec<Result<T>>) -> Result<T> {
    outcomes.into_iter().next().unwrap_or_else(|| Err(Error::internal("one item in, none out")))
}

/// Keys met so far in one list: a second item under the same key would undo the first unseen.
#[derive(Debug, Default)]
pub struct Seen(HashSet<ExternalKey>);

impl Seen {
    /// Notes a key.
    ///
    /// # Errors
    /// `repeated` when it was met before.
    pub fn note(&mut self, key: Option<&ExternalKey>) -> Result<()> {
        match key {
            Some(key) if !self.0.insert(key.clone()) => {
                Err(Faults::one("/external_id", "repeated", "an earlier item of this batch has the same source and external_id").into())
            }
            _ => Ok(()),
        }
    }
}

/// Something of this name is there already, and may not be touched.
pub fn taken(what: &str, id: impl std::fmt::Display) -> Error {
    let detail = format!("this source and external_id belong to {what} {id}; change that one, or use PUT");
    Error::conflict_with(id, "external_id_taken", detail)
}

/// The customers that a list of items names, by id or by the name of another system: one look-up for all.
#[derive(Debug)]
pub struct Parties {
    ids: HashSet<CustomerId>,
    keys: HashMap<ExternalKey, CustomerId>,
}

impl Parties {
    /// Looks them up.
    ///
    /// # Errors
    /// The store's.
    pub fn load<'a>(act: &mut Act<'_>, named: impl Iterator<Item = (Option<CustomerId>, Option<&'a ExternalKey>)>) -> Result<Self> {
        let (mut ids, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for (id, key) in named {
            ids.extend(id);
            keys.extend(key.cloned());
        }
        let ids: Vec<CustomerId> = ids.into_iter().collect();
        let keys: Vec<ExternalKey> = keys.into_iter().collect();
        Ok(Self {
            ids: store::customers::existing(act.conn, act.tenant, &ids)?,
            keys: store::customers::ids_by_keys(act.conn, act.tenant, &keys)?,
        })
    }

    /// The one that an item names.
    ///
    /// # Errors
    /// When nobody has that id or name.
    pub fn find(&self, id: Option<CustomerId>, key: Option<&ExternalKey>) -> Result<CustomerId> {
        if let Some(id) = id.filter(|id| self.ids.contains(id)) {
            return Ok(id);
        }
        if let Some(id) = key.and_then(|key| self.keys.get(key)) {
            return Ok(*id);
        }
        let pointer = if id.is_some() { "/customer_id" } else { "/customer" };
        Err(Faults::one(pointer, "not_found", "no such customer; record it first").into())
    }
}
