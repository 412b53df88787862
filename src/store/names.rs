//! What other systems' names stand for here: each name is a look-up of its own in the index of names, whatever the planner believes of a source it has not counted yet.

use std::collections::HashMap;

use diesel::{QueryableByName, RunQueryDsl, pg::sql_types::Array, sql_query, sql_types::Text};

use super::{Conn, types::DbUuid};
use crate::{
    domain::{
        external::{ExternalKey, by_source},
        ids::{Id, Kind, TenantId},
    },
    error::{Error, Result},
};

#[derive(QueryableByName)]
struct Found<K: Kind> {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = DbUuid)]
    id: Id<K>,
}

/// The ids in `table` of those of the names that are known.
pub(super) fn ids<K: Kind + 'static>(
    conn: &mut Conn,
    tenant: TenantId,
    table: &'static str,
    keys: &[ExternalKey],
) -> Result<HashMap<ExternalKey, Id<K>>> {
    let mut ids = HashMap::new();
    for (source, names) in by_source(keys) {
        let found: Vec<Found<K>> = match conn {
            // The limit keeps the planner from turning the look-ups into one scan of all that the source has.
            Conn::Pg(pg) => sql_query(format!(
                "SELECT wanted.name, found.id FROM unnest($3) AS wanted (name) CROSS JOIN LATERAL (\
                 SELECT id FROM {table} AS t WHERE t.tenant_id = $1 AND t.source = $2 AND t.external_id = wanted.name LIMIT 1) AS found"
            ))
            .bind::<DbUuid, _>(tenant)
            .bind::<Text, _>(source)
            .bind::<Array<Text>, _>(names)
            .load(pg)?,
            Conn::Sqlite(sqlite) => sql_query(format!(
                "SELECT wanted.value AS name, t.id AS id FROM json_each(?3) AS wanted CROSS JOIN {table} AS t \
                 ON t.tenant_id = ?1 AND t.source = ?2 AND t.external_id = wanted.value"
            ))
            .bind::<DbUuid, _>(tenant)
            .bind::<Text, _>(source)
            .bind::<Text, _>(serde_json::to_string(&names).map_err(Error::internal)?)
            .load(sqlite)?,
        };
        ids.extend(found.into_iter().map(|one| (ExternalKey { source: source.to_owned(), external_id: one.name }, one.id)));
    }
    Ok(ids)
}
