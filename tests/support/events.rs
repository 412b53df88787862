//! Holds what is told to what is published.

use std::{collections::HashMap, sync::LazyLock};

use jsonschema::Validator;
use relance::{
    domain::{event::EventType, ids::TenantId},
    store::{self, Db},
};

/// More than any test that looks at events leaves; those that leave more are held to it as far as this.
const ENTRIES: i64 = 1_000;

static PUBLISHED: LazyLock<HashMap<&str, Validator>> =
    LazyLock::new(|| EventType::ALL.iter().map(|kind| (kind.as_str(), jsonschema::validator_for(&kind.schema()).unwrap())).collect());

/// What is wrong with the events of a database. A test may have destroyed that, or written entries by hand about nothing that has an id.
pub fn faults(db: &Db) -> Vec<String> {
    let partitions = db.read_now(TenantId::PLATFORM, store::tenants::partitions).unwrap_or_default();
    let journals = partitions
        .into_iter()
        .filter_map(|of| db.read_now(of, |conn| store::evidence::list(conn, of, &Default::default(), None, ENTRIES)).ok());
    let mut faults = Vec::new();
    for entry in journals.flatten().map(|placed| placed.entry).filter(|entry| entry.subject.len() == 30) {
        let Some(published) = PUBLISHED.get(entry.kind.as_str()) else { continue };
        let mut data = entry.body.clone();
        data["id"] = entry.subject.clone().into();
        faults.extend(published.iter_errors(&data).map(|fault| format!("{} {}: {fault}", entry.kind, fault.instance_path())));
        let said = EventType::schema(entry.kind.parse().unwrap());
        let unknown = data.as_object().into_iter().flatten().filter(|(name, _)| said["properties"].get(name.as_str()).is_none());
        faults.extend(unknown.map(|(name, _)| format!("{} has {name}, which is not published", entry.kind)));
    }
    faults.sort();
    faults.dedup();
    faults
}
